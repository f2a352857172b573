import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeNpy } from '../../src/output/npy.js'
import { writeLayer } from '../helpers/layers.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { mulberry32 } from '../helpers/random.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { normals } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const [features, dimension, tokens] = [40, 8, 30]
const run = (...args: string[]) => runCommandLine(args, {}, folder)
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json', '-q')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}
type Row = Record<string, string | number | null>

beforeAll(async () => {
  const random = mulberry32(4)
  mkdirSync(join(folder, 'activations'))
  for (const layer of [1, 2, 3]) {
    writeLayer(join(folder, 'saes', `layer_${layer}`), { layer, features, dimension })
    const states = Float32Array.from(normals(random, tokens * dimension), (x) => 3 * x)
    writeFileSync(join(folder, 'activations', `layer_${layer}.npy`), encodeNpy(states, [tokens, dimension]))
  }
  await json('pairs', 'saes', '--all', '--baselines', 'all', '--out', 'run')
  await json('pairs', 'saes', '--scale', 'unit', '--weights', 'decoder', '--sign', 'either', '--out', 'cosine')
})

describe('figures of records', () => {
  it('objective: every method of every neighbouring pair, as the records have it', async () => {
    const { figure, paper, rows } = await json('figures', '3', 'run')
    expect({ figure, paper }).toEqual({ figure: 'objective', paper: '3' })
    expect(rows).toHaveLength(2 * 6)
    const { pairs } = await json('pairs', 'saes', '--baselines', 'all', '--out', 'run')
    for (const row of rows.filter(({ a }: Row) => a === 'layer_1')) {
      const { total, decoder, encoder, bias } = pairs[0].summary[row.method]
      expect(row).toMatchObject({
        b: 'layer_2',
        layerA: 1,
        layerB: 2,
        objective: 'folded',
        total,
        decoder,
        encoder,
        bias,
      })
    }
    const all = await json('figures', 'objective', 'run', 'cosine', '--all')
    expect(all.rows).toHaveLength(3 * 6 + 2 * 4)
    const names = new Set(all.rows.map(({ objective }: Row) => objective))
    expect([...names]).toEqual(['folded', '|cosine| decoder'])
  })

  it('costs and histogram speak of the same pairs', async () => {
    const costs = await json('figures', 'costs', 'run', '--of', 'cosineDecoder')
    const bins = await json('figures', '5', 'run', '--of', 'cosineDecoder')
    for (const { a, b, count, q0, q1 } of costs.rows) {
      const own = bins.rows.filter((row: Row) => row.a === a && row.b === b)
      expect(own.reduce((sum: number, row: Row) => sum + (row.count as number), 0)).toBe(count)
      const used = own.filter((row: Row) => (row.count as number) > 0)
      expect(q0).toBeGreaterThanOrEqual(used[0].from)
      expect(q1).toBeLessThanOrEqual(used.at(-1).to)
    }
  })

  it('a bin ends on the terminal where the next one begins', async () => {
    const { stdout } = await run('figures', 'histogram', 'run', '-q')
    const bins = [...stdout.matchAll(/ decoder +(\S+) +(\S+) +\d+$/gm)].map(([, from, to]) => [from, to])
    expect(bins.length).toBeGreaterThan(40)
    for (const [k, [from]] of bins.slice(1).entries()) expect(from === '0' || from === bins[k][1]).toBe(true)
  })
})

describe('figures of activations', () => {
  it('score and ev are what evaluate says', async () => {
    const { pairs } = await json('evaluate', 'run', '--activations', 'activations')
    const [first] = pairs.filter((pair: Row) => pair.a === 'layer_1' && pair.b === 'layer_2')
    const score = await json('figures', '12', 'run', '--activations', 'activations')
    expect(score.rows[0]).toMatchObject({
      matchingScore: first.matchingScore,
      random: first.baselines.random.matchingScore,
    })
    writeFileSync(
      join(folder, 'losses.json'),
      JSON.stringify({ pairs: [{ a: 'layer_1', b: 'layer_2', loss: 3, losses: { matched: 3.5, layer_drop: 3.25 } }] }),
    )
    const ev = await json('figures', 'ev', 'run', '--activations', 'activations', '--losses', 'losses.json')
    const row = (method: string) => ev.rows.find((one: Row) => one.a === 'layer_1' && one.method === method)
    expect(row('matched')).toMatchObject({ explainedVariance: first.explainedVariance, deltaLoss: 0.5 })
    expect(row('layer_drop')).toMatchObject({ deltaLoss: 0.25 })
    expect(row('encode_decode_current')).toMatchObject({
      explainedVariance: first.baselines.encodeDecodeCurrent.explainedVariance,
      deltaLoss: null,
    })
    const { stdout } = await run('evaluate', 'run', '--activations', 'activations', '--losses', 'losses.json', '-q')
    expect(stdout).toMatch(/^ +hidden state at B from .* Δ loss$/m)
    expect(stdout).toMatch(/^ +A, matched .* 0\.500$/m)
  })

  it('losses are those of one match, not of all matches of the same SAEs', async () => {
    const { pairs } = await json('evaluate', 'cosine', '--activations', 'activations')
    const [{ pair, a, b }] = pairs
    const figure = ['figures', 'ev', 'run', 'cosine', '--activations', 'activations', '--losses', 'of-one.json']
    const measured = { a, b, loss: 3, losses: { matched: 3.5 } }
    writeFileSync(join(folder, 'of-one.json'), JSON.stringify({ pairs: [measured] }))
    expect((await run(...figure)).stderr).toContain('matched several times (FORMAT_INVALID)')
    writeFileSync(join(folder, 'of-one.json'), JSON.stringify({ pairs: [{ ...measured, pair }] }))
    const { rows } = await json(...figure)
    const known = rows.filter(({ deltaLoss }: Row) => deltaLoss !== null)
    expect(known).toEqual([
      expect.objectContaining({ a, b, objective: '|cosine| decoder', method: 'matched', deltaLoss: 0.5 }),
    ])
  })

  it('quantiles and sparsity', async () => {
    const quantiles = await json('figures', '17', 'run', '--activations', 'activations', '--quantiles', '0,1')
    expect(quantiles.rows.map(({ quantile, features: used }: Row) => [quantile, used])).toEqual([
      [0, 0],
      [1, features],
      [0, 0],
      [1, features],
    ])
    const { rows } = await json('figures', '14', 'run', '--all', '--activations', 'activations')
    const sums = rows.map(({ l0A, l0B }: { l0A: number; l0B: number }) => l0A + l0B)
    expect(sums).toEqual(sums.toSorted((x: number, y: number) => x - y))
  })

  it('say what they need', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await run('figures', ...args)
      expect(code).toBe(2)
      return stderr
    }
    expect(await refused('score', 'run')).toContain('Expected --activations DIR for the figure score')
    expect(await refused('9', 'run')).toContain('objective, costs, histogram')
    expect(await refused('objective', 'run', '--quantiles', '0.5')).toContain('--quantiles goes with quantiles')
    expect(await refused('8', 'run', '--all')).toContain('not with composition')
    writeFileSync(join(folder, 'wrong.json'), '{"pairs": [{"a": "x"}]}')
    const wrong = ['figures', 'ev', 'run', '--activations', 'activations', '--losses', 'wrong.json']
    expect((await run(...wrong)).stderr).toContain('pairs[0] (FORMAT_INVALID)')
  })
})

describe('composition', () => {
  it('holds composed matches against direct ones', async () => {
    const { rows } = await json('figures', '8', 'run')
    expect(rows.map(({ a, b, distance }: Row) => [a, b, distance])).toEqual([
      ['layer_1', 'layer_2', 1],
      ['layer_1', 'layer_3', 2],
      ['layer_2', 'layer_3', 1],
    ])
    const { paths } = await json('compose', 'run', '--all')
    const objective = await json('figures', '3', 'run', '--all')
    for (const row of rows) {
      const path = paths.find(({ a, b }: Row) => a === row.a && b === row.b)
      expect(row.agreement).toBe(path.direct.agreement)
      const direct = objective.rows.find(({ a, b, method }: Row) => a === row.a && b === row.b && method === 'matched')
      expect(row.directObjective).toBeCloseTo(direct.total, 9)
      // the direct match has the least objective of all
      expect(row.composedObjective).toBeGreaterThanOrEqual(row.directObjective * (1 - 1e-12))
    }
  })
})

it('csv has a line for each row', async () => {
  const { rows } = await json('figures', 'objective', 'run', '--out', 'figure.csv')
  const [header, ...lines] = readFileSync(join(folder, 'figure.csv'), 'utf8').trimEnd().split('\n')
  expect(header).toBe('schema_version,a,b,layer_a,layer_b,objective,method,total,decoder,encoder,bias')
  expect(lines).toHaveLength(rows.length)
  expect(lines[0]).toBe(`1,${Object.values(rows[0]).join(',')}`)
})

it.skipIf(python === null)(`charts are well-formed, and stay inside their frame${needsPython}`, async () => {
  for (const [name, ...args] of [['3'], ['5'], ['8'], ['10', '--activations', 'activations']]) {
    await json('figures', name, 'run', ...args, '--out', 'figure.svg')
    const script = `
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
lines = root.findall('.//{http://www.w3.org/2000/svg}polyline')
places = [tuple(map(float, place.split(','))) for line in lines for place in line.get('points').split()]
print(len(lines), min(x for x, y in places), max(x for x, y in places), min(y for x, y in places), max(y for x, y in places))
`
    const [lines, left, right, top, bottom] = runPython(script, [join(folder, 'figure.svg')])
      .split(' ')
      .map(Number)
    expect(lines).toBeGreaterThan(1)
    expect(left).toBeGreaterThanOrEqual(72)
    expect(right).toBeLessThanOrEqual(450)
    expect(top).toBeGreaterThanOrEqual(36)
    expect(bottom).toBeLessThanOrEqual(316)
  }
})
