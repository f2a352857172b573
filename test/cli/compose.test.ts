import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { openNpz } from '../../src/formats/npz.js'
import { invert } from '../../src/matching/compose.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { allPairs, neighbours, permutedLayers, unrelatedLayers, writeRun } from '../runs/run-files.js'

const folder = temporaryFolder()
const { layers, planted } = permutedLayers(81, 30, [10, 12, 14, 20])
const others = unrelatedLayers(82, [12, 20, 15], [1, 2, 3])

beforeAll(async () => {
  await writeRun(join(folder, 'permuted'), allPairs(layers))
  await writeRun(join(folder, 'chain'), neighbours(others))
})

const compose = (...args: string[]) => runCommandLine(['compose', ...args], {}, folder)

async function composeJson(...args: string[]) {
  const { code, stdout, stderr } = await compose(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

async function failing(...args: string[]) {
  const { code, stdout, stderr } = await compose(...args)
  expect(stdout).toBe('')
  return { code, stderr }
}

describe('compose RUN A C', () => {
  it('goes through every layer between, and agrees with the direct match of permuted layers', async () => {
    const report = await composeJson('permuted', '10', 'layer_20', '--out', 'composed.npz')
    expect(Object.keys(report)).toEqual([
      ...['run', 'cut', 'from', 'to', 'through', 'steps', 'quantileLevels', 'matched', 'costSum', 'costMaximum'],
      ...['direct', 'cycle', 'out', 'warnings'],
    ])
    expect(report).toMatchObject({
      run: 'permuted',
      cut: { cost: null, cosine: null, mutual: false },
      from: { name: 'layer_10', layer: 10, features: 30 },
      to: { name: 'layer_20', layer: 20, features: 30 },
      through: ['layer_12', 'layer_14'],
      matched: 30,
      costSum: { count: 30, mean: 0 },
      direct: { inverted: false, same: 30, compared: 30, agreement: 1 },
      cycle: { returned: 30, compared: 30, share: 1 },
      out: 'composed.npz',
      warnings: [],
    })
    expect(report.steps).toHaveLength(3)
    expect(report.steps[0]).toMatchObject({ a: 'layer_10', b: 'layer_12', layerA: 10, layerB: 12, matched: 30 })
    expect(report.steps[0].cost.quantiles).toHaveLength(report.quantileLevels.length)
    expect(existsSync(join(folder, report.steps[0].file))).toBe(true)

    const npz = await openNpz(join(folder, 'composed.npz'))
    const read = async (name: string) => [...((await npz.read(name)).data as Int32Array)]
    expect([...npz.tensors.keys()]).toEqual([
      ...['schema_version', 'a_to_c', 'cost_sum', 'cost_maximum', 'direct', 'agreement'],
    ])
    expect(await read('a_to_c')).toEqual([...planted(0, 3)])
    expect(await read('direct')).toEqual([...planted(0, 3)])
    expect(await read('agreement')).toEqual(new Array(30).fill(1))
    expect(await read('cost_sum')).toEqual(new Array(30).fill(0))
    await npz.close()
  })

  it('goes the other way, through the layers that are named', async () => {
    const report = await composeJson('permuted', '20', '10', '--through', '12', '--out', 'back.csv')
    expect(report).toMatchObject({ through: ['layer_12'], direct: { inverted: true, agreement: 1 } })
    expect(report.steps.map(({ inverted }: { inverted: boolean }) => inverted)).toEqual([true, true])
    const [header, ...lines] = readFileSync(join(folder, 'back.csv'), 'utf8').trim().split('\n')
    expect(header).toBe('schema_version,feature,a_to_c,cost_sum,cost_maximum,direct,agreement')
    const back = invert(planted(0, 3), 30)
    expect(lines).toEqual([...back].map((c, i) => `1,${i},${c},0,0,${c},1`))
  })

  it('carries on without a direct match, and with features that get lost', async () => {
    const report = await composeJson('chain', '1', '3', '--out', 'lost.json')
    expect(report).toMatchObject({ direct: null, cycle: null })
    expect(report.matched).toBeLessThan(12)
    const file = JSON.parse(readFileSync(join(folder, 'lost.json'), 'utf8'))
    expect(file).toEqual({ schemaVersion: 1, ...report, features: expect.anything() })
    const { aToC, costSum, costMaximum, direct, agreement } = file.features
    expect(aToC.filter((c: number) => c !== -1)).toHaveLength(report.matched)
    for (const [i, c] of aToC.entries()) {
      expect(costSum[i] === null).toBe(c === -1)
      expect(costSum[i] >= costMaximum[i]).toBe(true)
    }
    expect([direct, agreement]).toEqual([new Array(12).fill(-1), new Array(12).fill(-1)])
  })

  it('shows a person what the path costs', async () => {
    const { code, stdout } = await compose('permuted', '10', '14', '--mutual')
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('layer_10 → layer_12 → layer_14')
    expect(lines[1]).toBe('  30 of 30 features arrive, 100.0 % of 30 end where the direct match ends')
    for (const name of [
      'layer_10 → layer_12',
      'layer_12 → layer_14',
      'sum of the steps',
      'dearest step',
      'direct match',
    ]) {
      expect(lines.filter((line) => line.startsWith(`  ${name} `))).toHaveLength(1)
    }
    expect(stdout).toContain('cut where a step is not mutual nearest')
  })

  it('counts what comes back round a cycle', async () => {
    const { stdout } = await compose('permuted', '10', '10', '--through', '12,20')
    expect(stdout).toContain('30 of 30 features arrive, 100.0 % of them where they began')
  })

  it('tells what is missing', async () => {
    expect(await failing('chain', '1', '3', '--through', '')).toMatchObject({ code: 2 })
    expect(await failing('chain', '1', '9')).toMatchObject({ code: 1, stderr: expect.stringMatching(/INPUT_UNKNOWN/) })
    const { code, stderr } = await failing('chain', '1', '3', '--through', 'layer_3')
    expect(code).toBe(1)
    expect(stderr).toContain('chain holds no match of layer_1 with layer_3 (PAIR_MISSING)')
    expect(stderr).toContain('sae-match match /saes/layer_1 /saes/layer_3 --out chain')
  })

  it.each([
    [['chain'], 'Expected RUN A C, or RUN --all'],
    [['chain', '1', '3', '--all'], '--all composes every path'],
    [['chain', '--all', '--through', '2'], 'with --all use --layers'],
    [['chain', '1', '3', '--layers', '2'], '--layers belongs to --all'],
    [['chain', '1', '3', '--out', 'x.txt'], 'Expected a file that ends in .npz, .json, .csv for --out'],
    [['chain', '--all', '--out', 'x.npz'], 'Expected a file that ends in .json, .csv for --out'],
    [['chain', '1', '3', '--cosine', '2'], 'Expected a number from -1 to 1 for --cosine'],
  ])('does not understand %j', async (args, message) => {
    const { code, stderr } = await failing(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})

describe('compose RUN --all', () => {
  it('compares every path with the direct match', async () => {
    const report = await composeJson('permuted', '--all', '--out', 'paths.csv')
    expect(Object.keys(report)).toEqual(['run', 'cut', 'layers', 'paths', 'byDistance', 'out', 'warnings'])
    expect(report.layers).toHaveLength(4)
    expect(report.paths.map(({ layerA, layerB }: Record<string, number>) => [layerA, layerB])).toEqual([
      ...[
        [10, 12],
        [10, 14],
        [10, 20],
        [12, 14],
        [12, 20],
        [14, 20],
      ],
    ])
    for (const path of report.paths) expect(path).toMatchObject({ n: 30, m: 30, matched: 30, direct: { agreement: 1 } })
    expect(report.byDistance.map(({ distance, paths }: Record<string, number>) => [distance, paths])).toEqual([
      [1, 3],
      [2, 2],
      [3, 1],
    ])
    const [header, first, ...rest] = readFileSync(join(folder, 'paths.csv'), 'utf8').trim().split('\n')
    expect(header.split(',').slice(0, 12)).toEqual([
      ...['schema_version', 'a', 'b', 'layer_a', 'layer_b', 'distance', 'n', 'm', 'matched'],
      ...['agreement', 'same', 'compared'],
    ])
    expect(first.split(',').slice(0, 12)).toEqual('1,layer_10,layer_12,10,12,1,30,30,30,1,30,30'.split(','))
    expect(header.split(',')).toHaveLength(first.split(',').length)
    expect(rest).toHaveLength(5)
  })

  it('leaves empty what has no direct match', async () => {
    const { stdout } = await compose('chain', '--all', '--out', 'chain.json')
    expect(stdout.split('\n')[0]).toBe('layer_1 → layer_3  3 layers, 3 paths')
    expect(stdout).toMatch(/layer_1 +100\.0 % +-\n/)
    const file = JSON.parse(readFileSync(join(folder, 'chain.json'), 'utf8'))
    expect(file.schemaVersion).toBe(1)
    expect(file.paths[1]).toMatchObject({ a: 'layer_1', b: 'layer_3', distance: 2, direct: null })
  })
})

describe('compose on the SAEs that come with the package', () => {
  it('agrees with the direct match far more often than chance, and most where features are mutual nearest', async () => {
    const sae = (layer: number) =>
      fileURLToPath(new URL(`../../examples/smollm2-135m-1024/layer_${layer}`, import.meta.url))
    for (const [a, b] of allPairs([12, 13, 14])) {
      const args = ['match', sae(a), sae(b), '--out', 'real', '--baselines', 'none', '-q']
      expect((await runCommandLine(args, {}, folder)).code).toBe(0)
    }
    const { direct } = await composeJson('real', '12', '14')
    expect(direct.agreement).toBeGreaterThan(20 / 1024)
    expect(direct.agreement).toBeLessThan(1)
    const mutual = await composeJson('real', '12', '14', '--mutual')
    expect(mutual.direct.agreement).toBeGreaterThan(2 * direct.agreement)
  })
})
