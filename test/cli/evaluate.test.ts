import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { approximate } from '../../src/evaluation/approximate.js'
import { evaluate } from '../../src/evaluation/evaluate.js'
import { readNpy } from '../../src/formats/npy.js'
import { openNpz } from '../../src/formats/npz.js'
import { compose } from '../../src/matching/compose.js'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { encodeNpy } from '../../src/output/npy.js'
import { writeSaeLens } from '../helpers/checkpoint-files.js'
import { mulberry32 } from '../helpers/random.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { normals } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const [n, d, tokens] = [20, 6, 50]
const layers = [3, 4, 5]
const random = mulberry32(12)

const run = (...args: string[]) => runCommandLine(args, {}, folder)
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json', '-q')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}
const evaluated = (...args: string[]) => json('evaluate', 'run', '--activations', 'activations', ...args)
const expected = async (a: number, b: number) => {
  const [saeA, saeB] = await Promise.all([a, b].map((layer) => loadSae(join(folder, `layer_${layer}`))))
  const found = await match(saeA, saeB)
  return { a: saeA, b: saeB, match: found, evaluation: await evaluate(saeA, saeB, found, join(folder, 'activations')) }
}
/** What JSON leaves of it. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value))

beforeAll(async () => {
  mkdirSync(join(folder, 'activations'))
  for (const layer of layers) {
    writeSaeLens(
      join(folder, `layer_${layer}`),
      { architecture: 'jumprelu', normalize_activations: 'none', hook_name: `blocks.${layer}.hook_resid_post` },
      {
        W_enc: { data: normals(random, n * d), shape: [d, n] },
        W_dec: { data: normals(random, n * d), shape: [n, d] },
        b_enc: { data: normals(random, n), shape: [n] },
        b_dec: { data: normals(random, d), shape: [d] },
        threshold: { data: Float64Array.from({ length: n }, () => 0.5 + random()), shape: [n] },
      },
    )
    const states = encodeNpy(Float32Array.from(normals(random, tokens * d)), [tokens, d])
    writeFileSync(join(folder, 'activations', `layer_${layer}.npy`), states)
  }
  for (const [a, b] of [
    [3, 4],
    [4, 5],
  ]) {
    const { code } = await run('match', `layer_${a}`, `layer_${b}`, '--out', 'run', '-q', '--json')
    expect(code).toBe(0)
  }
})

describe('evaluate', () => {
  it('evaluates every pair of a run directory', async () => {
    const { pairs } = await evaluated()
    expect(pairs.map(({ a, b }: { a: string; b: string }) => [a, b])).toEqual([
      ['layer_3', 'layer_4'],
      ['layer_4', 'layer_5'],
    ])
    for (const [p, layer] of [3, 4].entries()) {
      const { matched, baselines, l0, neverActive } = (await expected(layer, layer + 1)).evaluation
      expect(pairs[p]).toMatchObject(
        plain({
          layerA: layer,
          layerB: layer + 1,
          matched: n,
          tokens,
          maskedTokens: 0,
          ...matched,
          scale: 'folded',
          unmatched: 'drop',
          baselines,
          quantiles: [],
          l0,
          neverActive,
          seeds: [0],
        }),
      )
    }
  })

  it('composes a chain', async () => {
    const { pairs } = await evaluated('--chain', 'layer_3,layer_4,layer_5')
    const [first, second] = [await expected(3, 4), await expected(4, 5)]
    const aToB = compose(first.match.aToB, second.match.aToB)
    const { matched } = await evaluate(first.a, second.b, { aToB }, join(folder, 'activations'))
    expect(pairs).toHaveLength(1)
    expect(pairs[0]).toMatchObject(plain({ a: 'layer_3', via: ['layer_4'], b: 'layer_5', ...matched }))
    const { code, stderr } = await run('evaluate', 'run', '--activations', 'activations', '--chain', 'layer_3,layer_5')
    expect(code).toBe(1)
    expect(stderr).toContain('run holds no match of layer_3 with layer_5 (PAIR_MISSING)')
  })

  it('goes a chain against the direction of its matches', async () => {
    const { pairs } = await evaluated('--chain', '5,4,3')
    const [first, second] = [await expected(3, 4), await expected(4, 5)]
    const aToB = compose(second.match.bToA, first.match.bToA)
    const { matched } = await evaluate(second.b, first.a, { aToB }, join(folder, 'activations'))
    expect(pairs[0]).toMatchObject(plain({ a: 'layer_5', via: ['layer_4'], b: 'layer_3', ...matched }))
  })

  it('matches two checkpoints and takes every option', async () => {
    const mask = Uint8Array.from({ length: tokens }, (_, t) => (t < 8 ? 0 : 1))
    writeFileSync(join(folder, 'mask.npy'), encodeNpy(mask))
    const { pairs } = await json(
      ...['evaluate', '--a', 'layer_3', '--b', 'layer_4'],
      ...['--activations-a', 'activations/layer_3.npy', '--activations-b', 'activations/layer_4.npy'],
      ...['--scale', 'raw', '--unmatched', 'source', '--quantiles', '0,0.5', '--mask', 'mask.npy'],
    )
    const { a, b, match } = await expected(3, 4)
    const options = { scale: 'raw', unmatched: 'source', quantiles: [0, 0.5], mask } as const
    const { matched, quantiles } = await evaluate(a, b, match, join(folder, 'activations'), options)
    expect(pairs[0]).toMatchObject(
      plain({ ...matched, quantiles, scale: 'raw', unmatched: 'source', tokens: 42, maskedTokens: 8, via: [] }),
    )
  })

  it('writes hidden states with the tokens they stand for, counts and csv', async () => {
    const { pairs } = await evaluated('--write', 'states', '--mask', 'mask.npy', '--csv', 'table.csv')
    const { a, b, match, evaluation } = await expected(3, 4)
    const [xhat, which, counts] = pairs[0].files.map((file: string) => join(folder, file))
    const mask = join(folder, 'mask.npy')
    const states: number[] = []
    for await (const { values } of approximate(a, b, match, join(folder, 'activations'), { mask }))
      states.push(...values)
    const found = await readNpy(xhat)
    expect(found).toMatchObject({ dtype: 'f32', shape: [42, d] })
    expect([...(found.data as Float32Array)]).toEqual(states)
    const written = await readNpy(which)
    expect([...(written.data as Int32Array)]).toEqual(Array.from({ length: 42 }, (_, t) => t + 8))
    const npz = await openNpz(counts)
    expect([...npz.tensors.keys()].sort()).toEqual(['a_to_b', 'active_a', 'active_b', 'schema_version', 'together'])
    expect((await npz.read('a_to_b')).data).toEqual(match.aToB)
    expect((await npz.read('active_a')).data).not.toEqual(evaluation.counts.activeA)
    await npz.close()
    expect(readdirSync(join(folder, 'states'))).toHaveLength(6)

    const [header, ...rows] = readFileSync(join(folder, 'table.csv'), 'utf8').trim().split('\n')
    const cells = rows.map((row) => row.split(','))
    expect(rows).toHaveLength(14)
    const [method, ev] = ['method', 'explained_variance'].map((name) => header.split(',').indexOf(name))
    expect(cells.filter((row) => row[method] === 'matched').map((row) => Number(row[ev]))).toEqual(
      pairs.map(({ explainedVariance }: { explainedVariance: number }) => explainedVariance),
    )
  })

  it('shows a table to people', async () => {
    const { code, stdout } = await run('evaluate', 'run', '--activations', 'activations', '--quantiles', '0.5', '-q')
    expect(code).toBe(0)
    const { matched } = (await expected(3, 4)).evaluation
    expect(stdout).toContain('layer_3 → layer_4\n')
    expect(stdout).toMatch(new RegExp(`A, matched +${matched.explainedVariance.toFixed(3)} `))
    expect(stdout).toContain('closest 50 % matched')
  })

  it('says what is missing', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await run('evaluate', ...args)
      expect(code).toBe(2)
      return stderr
    }
    expect(await refused('--activations', 'activations')).toContain('Expected RUN, or two checkpoints')
    expect(await refused('run')).toContain('Expected --activations DIR')
    expect(await refused('run', '--activations', 'activations', '--a', 'layer_3')).toContain('--a does not go with RUN')
    expect(await refused('run', '--activations', 'activations', '--quantiles', '2')).toContain('from 0 to 1')
    expect(await refused('run', 'twice', '--activations', 'x')).toContain('Expected [RUN]')
    const { code, stderr } = await run('evaluate', 'activations', '--activations', 'activations')
    expect(code).toBe(1)
    expect(stderr).toContain('activations is not a run directory')
  })

  it('leaves nothing half-written where activations are missing', async () => {
    mkdirSync(join(folder, 'few'))
    writeFileSync(join(folder, 'few', 'layer_3.npy'), encodeNpy(new Float32Array(d), [1, d]))
    const { code, stderr } = await run('evaluate', 'run', '--activations', 'few', '--write', 'nothing')
    expect(code).toBe(1)
    expect(stderr).toContain('layer_4.npy')
    expect(readdirSync(join(folder, 'nothing'))).toEqual([])
  })
})
