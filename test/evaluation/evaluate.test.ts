import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ApproximatedStates, approximate } from '../../src/evaluation/approximate.js'
import { type EvaluateOptions, type Evaluation, evaluate } from '../../src/evaluation/evaluate.js'
import type { EvaluatedMatch } from '../../src/evaluation/options.js'
import { invert } from '../../src/matching/compose.js'
import { match } from '../../src/matching/match.js'
import { randomMatching } from '../../src/matching/random-matching.js'
import { encodeNpy } from '../../src/output/npy.js'
import { featureCount, type Sae } from '../../src/sae/sae.js'
import { type Matrix, rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { describeBackends } from '../helpers/backends.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { forward } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { plantedPair } from '../matching/planted-pair.js'

const folder = temporaryFolder()
const [n, d, tokens] = [50, 12, 200]
const { a, b, aToB } = plantedPair(21, n, d, 0)
const random = mulberry32(3)
const xA = rowMajor(normals(random, tokens * d), 'f64', tokens, d)
/** What A makes of its own layer is the hidden state at B: a perfect match explains everything. */
const xB = rowMajor(
  Float64Array.from({ length: tokens }, (_, t) => t).reduce(
    (all, t) => {
      all.set(forward(a, readRow(xA, t)).reconstruction, t * d)
      return all
    },
    new Float64Array(tokens * d),
  ),
  'f64',
  tokens,
  d,
)

const run = (options: EvaluateOptions = {}, m: EvaluatedMatch = { aToB }) =>
  evaluate(a, b, m, { a: xA, b: xB }, options)
const numbers = ({ milliseconds: _, ...rest }: Evaluation) => rest

describeBackends('evaluate', (backend) => {
  it('knows the planted match, and its inverse as wrong', async () => {
    const { matched, baselines, tokens: counted } = await run({ backend: backend().name })
    expect(counted).toBe(tokens)
    expect(matched.explainedVariance).toBeCloseTo(1, 12)
    expect(baselines.encodeDecodePrevious.explainedVariance).toBeCloseTo(1, 12)
    expect(baselines.nearest).toEqual(matched)
    expect(baselines.random.explainedVariance).toBeLessThan(0.5)
    const inverse = await run({ backend: backend().name }, { aToB: invert(aToB, n) })
    expect(inverse.matched.explainedVariance).toBeLessThan(0.5)
  })
})

describe('evaluate', () => {
  it('a feature and its planted partner are active together on the same hidden states', async () => {
    const { matched, l0, neverActive, counts } = await evaluate(a, b, { aToB }, { a: xA, b: xA })
    expect(matched).toMatchObject({ matchingScore: 1, macroAGivenB: 1, macroJaccard: 1, microBGivenA: 1 })
    expect(l0.a).toBe(l0.b)
    const active = Array.from({ length: tokens }, (_, t) =>
      forward(a, readRow(xA, t)).activations.reduce((count, f) => count + (f > 0 ? 1 : 0), 0),
    )
    expect(l0.a).toBeCloseTo(active.reduce((sum, count) => sum + count, 0) / tokens, 12)
    expect(neverActive.a).toBe(counts.activeA.filter((count) => count === 0).length)
    expect(counts.together).toEqual(counts.activeA)
  })

  it('baselines: identity and random are matches of their own, layer drop is the state at A', async () => {
    const { baselines } = await run({ seeds: [7] })
    const identity = await run({}, { aToB: Int32Array.from({ length: n }, (_, i) => i) })
    expect(baselines.identity).toEqual(identity.matched)
    expect(baselines.random).toEqual((await run({}, { aToB: randomMatching(n, n, 7) })).matched)
    const mean = (await run({ seeds: [7, 8] })).baselines.random
    const other = (await run({ seeds: [8] })).baselines.random
    expect(mean.fvu).toBeCloseTo((baselines.random.fvu + other.fvu) / 2, 10)
    expect((await evaluate(a, b, { aToB }, { a: xA, b: xA })).baselines.layerDrop.explainedVariance).toBe(1)
    expect(baselines.layerDrop.explainedVariance).toBeLessThan(1)
    // B is A: on the state at A it makes xB, which here is also the state that layer drop takes
    const current = (await evaluate(a, b, { aToB }, { a: xB, b: xA })).baselines
    expect(current.encodeDecodeCurrent.fvu / current.layerDrop.fvu).toBeCloseTo(1, 10)
    expect(current.encodeDecodePrevious.fvu / current.layerDrop.fvu).not.toBeCloseTo(1, 2)
  })

  it('widths may differ; then there is no identity', async () => {
    const small = syntheticSae(mulberry32(9), 30, d)
    const found = await match(a, small, { baselines: 'none' })
    const { baselines, matched } = await evaluate(a, small, found, { a: xA, b: xB })
    expect(baselines.identity).toBeUndefined()
    expect(featureCount(small)).toBe(30)
    expect(matched.support.jaccard).toBeLessThanOrEqual(30)
    const without = await evaluate(a, small, { ...found, nearestAToB: undefined }, { a: xA, b: xB })
    expect(without.baselines.nearest).toEqual(baselines.nearest)
  })

  it('the ends of the mixture: everything through B, and everything through A with the bias of B', async () => {
    const moved: Sae = { ...b, decoderBias: normals(mulberry32(8), d) }
    const { matched, quantiles, baselines } = await evaluate(
      a,
      moved,
      { aToB },
      { a: xA, b: xB },
      { quantiles: [0, 0.5, 1] },
    )
    expect(quantiles.map(({ quantile, features }) => [quantile, features])).toEqual([
      [0, 0],
      [0.5, n / 2],
      [1, n],
    ])
    expect(quantiles[2].fvu).toBe(matched.fvu)
    // the bias is an offset, which fvuVar forgives
    expect(quantiles[0].fvuVar).toBeCloseTo(baselines.encodeDecodePrevious.fvuVar, 12)
    expect(quantiles[0].fvu).toBeGreaterThan(baselines.encodeDecodePrevious.fvu + 0.005)
  })

  it('changes no bit with the size of batches', async () => {
    const whole = numbers(await run({ quantiles: [0.3], unmatched: 'source' }))
    for (const batchTokens of [1, 13, 64, 1000]) {
      expect(numbers(await run({ quantiles: [0.3], unmatched: 'source', batchTokens }))).toEqual(whole)
    }
  })

  it('leaves masked tokens out, as if they were not there', async () => {
    const mask = Uint8Array.from({ length: tokens }, (_, t) => (t % 5 === 0 ? 0 : 1))
    const kept = [...mask.keys()].filter((t) => mask[t] === 1)
    const part = (x: Matrix) =>
      rowMajor(Float64Array.from(kept.flatMap((t) => [...readRow(x, t)])), 'f64', kept.length, d)
    const expected = await evaluate(a, b, { aToB }, { a: part(xA), b: part(xB) })
    writeFileSync(join(folder, 'mask.npy'), encodeNpy(mask))
    for (const given of [mask, join(folder, 'mask.npy')]) {
      const found = await run({ mask: given, batchTokens: 32 })
      expect(found.maskedTokens).toBe(tokens - kept.length)
      expect(numbers(found)).toEqual({ ...numbers(expected), maskedTokens: found.maskedTokens })
    }
    const nothing = await run({ mask: new Uint8Array(tokens) })
    expect(nothing).toMatchObject({ tokens: 0, matched: { explainedVariance: Number.NaN } })
  })

  it('reads every type of number, from files of every kind', async () => {
    // whole quarters are exact in all of them
    const rounded = (x: Matrix) =>
      Float64Array.from(x.data, (value) => Math.max(-8, Math.min(8, Math.round(value * 4) / 4)))
    const halves = (values: Float64Array, exponentBits: number) => {
      const fractionBits = 15 - exponentBits
      const bias = 2 ** (exponentBits - 1) - 1
      return Uint16Array.from(values, (value) => {
        if (value === 0) return 0
        const exponent = Math.floor(Math.log2(Math.abs(value)))
        const fraction = (Math.abs(value) / 2 ** exponent - 1) * 2 ** fractionBits
        return (value < 0 ? 0x8000 : 0) | ((exponent + bias) << fractionBits) | fraction
      })
    }
    const [vA, vB] = [rounded(xA), rounded(xB)]
    const shape = [tokens, d]
    const expected = numbers(
      await evaluate(a, b, { aToB }, { a: rowMajor(vA, 'f64', tokens, d), b: rowMajor(vB, 'f64', tokens, d) }),
    )
    const write = (name: string, contents: Uint8Array) => {
      writeFileSync(join(folder, name), contents)
      return join(folder, name)
    }
    const tensors = {
      f32: (values: Float64Array) => ({ data: Float32Array.from(values), shape }),
      f16: (values: Float64Array) => ({ data: halves(values, 5), shape, dtype: 'F16' as const }),
      bf16: (values: Float64Array) => ({ data: halves(values, 8), shape, dtype: 'BF16' as const }),
    }
    for (const [name, tensor] of Object.entries(tensors)) {
      const files = [vA, vB].map((values, side) =>
        write(`${name}_${side}.safetensors`, encodeSafetensors({ x: tensor(values) })),
      )
      expect(numbers(await evaluate(a, b, { aToB }, { a: files[0], b: files[1] }))).toEqual(expected)
    }
    const npy = [vA, vB].map((values, side) => write(`f64_${side}.npy`, encodeNpy(values, shape)))
    expect(numbers(await evaluate(a, b, { aToB }, { a: npy[0], b: npy[1] }))).toEqual(expected)
  })

  it('hands out the approximated states of the match, and tells how far it is', async () => {
    const given: ApproximatedStates[] = []
    const seen: number[] = []
    await run({
      batchTokens: 64,
      onApproximation: (states) => void given.push(states),
      onProgress: ({ phase, done, total }) => {
        expect([phase, total]).toEqual(['tokens', tokens])
        seen.push(done)
      },
    })
    expect(seen).toEqual([64, 128, 192, 200])
    const expected: ApproximatedStates[] = []
    for await (const states of approximate(a, b, { aToB }, xA, { batchTokens: 64 })) expected.push(states)
    expect(given).toEqual(expected)
  })

  it('takes the files of a folder by the layers of both SAEs', async () => {
    for (const [layer, x] of [
      [3, xA],
      [4, xB],
    ] as const) {
      writeFileSync(join(folder, `layer_${layer}.npy`), encodeNpy(x.data as Float64Array, [tokens, d]))
    }
    const [first, second] = [
      { ...a, layer: 3 },
      { ...b, layer: 4 },
    ]
    expect(numbers(await evaluate(first, second, { aToB }, folder))).toEqual(numbers(await run()))
    await expectFailure(evaluate(first, { ...b, layer: null }, { aToB }, folder), 'FILE_NOT_FOUND', 'which layer')
  })

  it('refuses what makes no sense', async () => {
    await expectFailure(run({ quantiles: [0.5, 1.5] }), 'INVALID_ARGUMENT', 'quantiles[1]')
    await expectFailure(run({ seeds: [] }), 'INVALID_ARGUMENT', 'seeds')
    await expectFailure(run({ quantile: 1 } as never), 'UNKNOWN_OPTION', 'quantiles')
    await expectFailure(evaluate(a, b, { aToB }, 7 as never), 'INVALID_ARGUMENT', 'a folder or { a, b }')
    const narrow = rowMajor(new Float32Array(tokens), 'f32', tokens, 1)
    await expectFailure(evaluate(a, b, { aToB }, { a: xA, b: narrow }), 'TENSOR_SHAPE', `[${tokens}, 1]`)
    await expect(run({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it('stops between batches', async () => {
    const controller = new AbortController()
    const stopped = run({
      batchTokens: 10,
      signal: controller.signal,
      onProgress: ({ done }) => {
        expect(done).toBe(10)
        controller.abort(new Error('enough'))
      },
    })
    await expect(stopped).rejects.toThrow('enough')
  })
})
