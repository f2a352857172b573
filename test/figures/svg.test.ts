import { expect, it } from 'vitest'
import type { Figure } from '../../src/figures/figure.js'
import { encodeSvg } from '../../src/figures/svg.js'

const line = (name: string, y: number) => ({ name, points: [[10, y] as const, [11, y + 1] as const] })
const figure = (...panels: Figure['chart']['panels'][number][]): Figure => ({
  ...{ name: 'test', paper: '3', title: 'A & B', columns: [], rows: [], note: '' },
  chart: { x: 'layer', panels },
})
/** The places of all texts, in the coordinates of the whole, with what they say. */
const texts = (svg: string) =>
  [...svg.matchAll(/translate\(0 ([\d.]+)\)">([\s\S]*?)(?=<g transform|<\/svg>)/g)].flatMap(([, top, panel]) =>
    [...panel.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)/g)].map(([, x, y, text]) => ({
      ...{ x: Number(x), y: Number(y) + Number(top), text },
    })),
  )
const size = (svg: string) => /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.slice(1).map(Number)

it('has room for every name, however many and long, and panels do not lie over each other', () => {
  const names = Array.from({ length: 40 }, (_, k) => `|cosine| decoder+encoder: nearest, many-to-one, ${k} steps`)
  const svg = encodeSvg(
    figure({ title: 'one', series: names.map(line) }, { title: 'two', series: [line('short', 3), line('other', 4)] }),
  )
  const [width, height] = size(svg)
  const found = texts(svg)
  for (const name of names) expect(found.filter(({ text }) => text === name)).toHaveLength(1)
  const last = found.find(({ text }) => text === names[39])!
  expect(last.x + 6 * names[39].length).toBeLessThan(width)
  const second = found.find(({ text }) => text === 'two')!
  expect(last.y).toBeLessThan(second.y - 12)
  for (const { y } of found) expect(y).toBeLessThan(height)
})

it('writes what is no number, no panel and no mark-up', () => {
  const svg = encodeSvg(figure({ title: 'nothing', series: [] }, { title: 'x', series: [line('<&"\'', 0)] }))
  expect(svg).toContain('A &#38; B')
  expect(svg).toContain('&#60;&#38;&#34;&#39;')
  expect(svg).not.toContain('nothing')
  expect(encodeSvg(figure())).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/)
  const flat = encodeSvg(
    figure({
      title: 'flat',
      series: [
        {
          name: 'zero',
          points: [
            [5, 0],
            [5, 0],
          ],
        },
      ],
    }),
  )
  expect(flat).not.toMatch(/NaN|Infinity/)
})
