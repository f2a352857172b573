import { linearEdges } from '../matching/statistics.js'
import type { Figure, LineChart } from './figure.js'

const [plotWidth, plotHeight] = [378, 280]
const margin = { left: 72, top: 36, bottom: 44 }
/** What a name in the legend may take: some letters are wider than this, most are not. */
const letterWidth = 6.6
const lineHeight = 16
/** Okabe and Ito's colours, which most people can tell apart. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999']

/** The chart of a figure: one panel under the other, lines with a mark at every point, names at the right. */
export function encodeSvg({ chart, title, paper }: Figure): string {
  const panels = chart.panels.filter(({ series }) => series.some(({ points }) => points.length > 0))
  const names = panels.flatMap(({ series }) => series.map(({ name }) => [...name].length))
  const width = margin.left + plotWidth + Math.ceil(28 + letterWidth * names.reduce((x, y) => Math.max(x, y), 22))
  const tops = [0]
  for (const panel of panels) tops.push(tops[tops.length - 1] + panelHeight(panel))
  const total = panels.length === 0 ? margin.top : tops[panels.length]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)} (figure ${escapeXml(paper)} of arXiv 2410.07656)</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...panels.map((panel, p) => `<g transform="translate(0 ${tops[p]})">${drawPanel(panel, chart.x)}</g>`),
    '</svg>',
    '',
  ].join('\n')
}

/** As high as the plot, or as the legend where that is longer. */
function panelHeight({ series }: LineChart['panels'][number]): number {
  return margin.top + Math.max(plotHeight, lineHeight * series.length) + margin.bottom
}

function drawPanel({ title, series }: LineChart['panels'][number], xTitle: string): string {
  const points = series.flatMap((line) => line.points)
  const [bottom, right] = [margin.top + plotHeight, margin.left + plotWidth]
  const x = axis(
    points.map(([value]) => value),
    margin.left,
    right,
  )
  const y = axis(
    points.map(([, value]) => value),
    bottom,
    margin.top,
  )
  return [
    `<text x="${margin.left}" y="20" font-weight="bold">${escapeXml(title)}</text>`,
    ...y.ticks.map(
      (tick) =>
        `<line x1="${margin.left}" x2="${right}" y1="${round(y.at(tick))}" y2="${round(y.at(tick))}" stroke="#ddd"/><text x="${margin.left - 6}" y="${round(y.at(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
    ),
    ...x.ticks.map(
      (tick) => `<text x="${round(x.at(tick))}" y="${bottom + 16}" text-anchor="middle">${label(tick)}</text>`,
    ),
    `<text x="${(margin.left + right) / 2}" y="${bottom + 34}" text-anchor="middle">${escapeXml(xTitle)}</text>`,
    ...series.map(({ name, points: line }, s) => {
      const colour = colours[s % colours.length]
      const places = line.map(([px, py]) => `${round(x.at(px))},${round(y.at(py))}`)
      const marks = places.map((place) => `<circle cx="${place.split(',')[0]}" cy="${place.split(',')[1]}" r="2.5"/>`)
      const legend = margin.top + 6 + lineHeight * s
      return `<g stroke="${colour}" fill="none" stroke-width="1.5"><polyline points="${places.join(' ')}"/><g fill="${colour}" stroke="none">${marks.join('')}<circle cx="${right + 12}" cy="${legend - 4}" r="4"/></g></g><text x="${right + 22}" y="${legend}">${escapeXml(name)}</text>`
    }),
  ].join('\n')
}

/** A linear axis over all values, widened to round numbers, and some four ticks on it. */
function axis(values: readonly number[], from: number, to: number) {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const span = high - low || Math.abs(high) || 1
  const size = 10 ** Math.floor(Math.log10(span / 4))
  const step = size * ([1, 2, 5, 10].find((factor) => span / (size * factor) <= 6) ?? 10)
  const [least, most] = [Math.floor(low / step) * step, Math.ceil(high / step) * step || step]
  const count = Math.max(1, Math.round((most - least) / step))
  const end = least + count * step
  return {
    at: (value: number) => from + ((value - least) / (end - least)) * (to - from),
    ticks: linearEdges(least, end, count),
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function label(value: number): string {
  return String(Number(value.toPrecision(6)))
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
