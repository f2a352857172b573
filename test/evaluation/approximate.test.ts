import { describe, expect, it } from 'vitest'
import { type ApproximateOptions, approximate } from '../../src/evaluation/approximate.js'
import type { EvaluatedMatch } from '../../src/evaluation/options.js'
import { compose, invert } from '../../src/matching/compose.js'
import type { Sae } from '../../src/sae/sae.js'
import { type Matrix, rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { expectFailure } from '../helpers/errors.js'
import { forward, scaledRows } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'
import { foldedRow, plantedPair, squaredDistance } from '../matching/planted-pair.js'

const [n, d, tokens] = [60, 16, 30]
const { a, b: permuted, aToB, gauge } = plantedPair(11, n, d, 0)
const b: Sae = { ...permuted, decoderBias: normals(mulberry32(4), d) }
const x = rowMajor(normals(mulberry32(3), tokens * d), 'f64', tokens, d)

async function states(match: EvaluatedMatch, options: ApproximateOptions = {}, from: Matrix = x, to: Sae = b) {
  const found: number[][] = []
  for await (const { tokens, values } of approximate(a, to, match, from, options)) {
    tokens.forEach((_, t) => {
      found.push([...values.subarray(t * d, (t + 1) * d)])
    })
  }
  return found
}

/** What A makes of its own layer, with another bias. */
const reconstructions = (bias: Float64Array) =>
  Array.from({ length: tokens }, (_, t) => [...forward({ ...a, decoderBias: bias }, readRow(x, t)).reconstruction])

/** The largest difference, in units of the largest number: f32 keeps 6e-8 of it. */
function difference(found: number[][], wanted: number[][]): number {
  expect(found).toHaveLength(wanted.length)
  const most = Math.max(...wanted.flat().map(Math.abs))
  return Math.max(...found.flatMap((row, t) => row.map((value, k) => Math.abs(value - wanted[t][k]) / most)))
}

describe('encode-permute-decode', () => {
  it("equals A's reconstruction with B's bias where B is A in another order and gauge", async () => {
    expect(difference(await states({ aToB }), reconstructions(b.decoderBias))).toBeLessThan(1e-6)
  })

  it('with the inverse permutation it does not', async () => {
    const found = await states({ aToB: invert(aToB, n) })
    expect(difference(found, reconstructions(b.decoderBias))).toBeGreaterThan(0.1)
  })

  it('raw: activations arrive as they are, so the gauge shows', async () => {
    const decoder = scaledRows(b.decoder, b.decoderScale)
    const wanted = Array.from({ length: tokens }, (_, t) => {
      const { activations } = forward(a, readRow(x, t))
      return Array.from(b.decoderBias, (bias, k) =>
        activations.reduce((sum, f, i) => sum + f * decoder[aToB[i]][k], bias),
      )
    })
    expect(difference(await states({ aToB }, { scale: 'raw' }), wanted)).toBeLessThan(1e-6)
    const others = { scale: 'none', weights: { decoder: 1, encoder: 1, bias: 1 }, unfoldable: 'exclude' } as const
    expect(difference(await states({ aToB, provenance: others }), wanted)).toBeLessThan(1e-6)
    expect(Math.max(...gauge)).toBeGreaterThan(2)
    expect(difference(wanted, reconstructions(b.decoderBias))).toBeGreaterThan(0.1)
  })

  it('features without a partner contribute nothing, or keep their own decoder', async () => {
    const some = aToB.map((j, i) => (i % 3 === 0 ? -1 : j))
    const whole = reconstructions(b.decoderBias)
    expect(difference(await states({ aToB: some }, { unmatched: 'source' }), whole)).toBeLessThan(1e-6)
    const silent = { ...a, decoder: rowMajor(Float64Array.from(a.decoder.data, zeroed), 'f64', n, d) }
    function zeroed(value: number, at: number): number {
      return some[Math.floor(at / d)] < 0 ? 0 : value
    }
    const wanted = Array.from({ length: tokens }, (_, t) => [
      ...forward({ ...silent, decoderBias: b.decoderBias }, readRow(x, t)).reconstruction,
    ])
    expect(difference(await states({ aToB: some }), wanted)).toBeLessThan(1e-6)
    expect(difference(wanted, whole)).toBeGreaterThan(0.1)
  })

  it('sends no more than the asked share of the pairs through B, the closest first', async () => {
    const noisy = { ...plantedPair(11, n, d, 0.3).b, decoderBias: b.decoderBias }
    expect(await states({ aToB }, { quantile: 1 }, x, noisy)).toEqual(await states({ aToB }, {}, x, noisy))
    const none = await states({ aToB }, { quantile: 0 }, x, noisy)
    expect(difference(none, reconstructions(b.decoderBias))).toBeLessThan(1e-6)
    // a third: decode with B only the 20 pairs whose folded decoders are nearest
    const distance = Float64Array.from(aToB, (j, i) =>
      squaredDistance(foldedRow(a, i).decoder, foldedRow(noisy, j).decoder),
    )
    const nearest = new Set([...distance.keys()].sort((i, j) => distance[i] - distance[j]).slice(0, 20))
    const through = await states(
      { aToB: aToB.map((j, i) => (nearest.has(i) ? j : -1)) },
      { unmatched: 'source' },
      x,
      noisy,
    )
    expect(await states({ aToB }, { quantile: 1 / 3 }, x, noisy)).toEqual(through)
    expect(through).not.toEqual(none)
  })

  it('goes through a chain by a composed match', async () => {
    const back = { aToB: compose(aToB, invert(aToB, n)) }
    expect(difference(await states(back, {}, x, a), reconstructions(a.decoderBias))).toBeLessThan(1e-6)
  })

  it('changes no bit with the size of batches, and leaves masked tokens out', async () => {
    const whole = await states({ aToB })
    for (const batchTokens of [1, 7, 30, 100]) expect(await states({ aToB }, { batchTokens })).toEqual(whole)
    const mask = Uint8Array.from({ length: tokens }, (_, t) => (t % 4 === 0 ? 0 : 1))
    const kept = whole.filter((_, t) => t % 4 !== 0)
    expect(await states({ aToB }, { mask, batchTokens: 8 })).toEqual(kept)
    const batches: number[] = []
    for await (const states of approximate(a, b, { aToB }, x, { mask, batchTokens: 9 })) batches.push(...states.tokens)
    expect(batches).toEqual([...mask.keys()].filter((t) => mask[t] === 1))
  })

  it("gives a normalised token its own layer's statistics back", async () => {
    const [normA, normB] = [a, b].map((sae): Sae => ({ ...sae, inputNorm: 'layer-norm' }))
    const found: number[][] = []
    for await (const { tokens: which, values } of approximate(normA, normB, { aToB }, x)) {
      which.forEach((_, t) => {
        found.push([...values.subarray(t * d, (t + 1) * d)])
      })
    }
    const wanted = Array.from({ length: tokens }, (_, t) => {
      const row = readRow(x, t)
      const mean = row.reduce((sum, value) => sum + value, 0) / d
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (d - 1))
      const normalised = row.map((value) => (value - mean) / (deviation + 1e-5))
      const { reconstruction } = forward({ ...a, decoderBias: b.decoderBias }, normalised)
      return [...reconstruction].map((value) => value * deviation + mean)
    })
    expect(difference(found, wanted)).toBeLessThan(1e-6)
  })

  it('refuses what makes no sense', async () => {
    await expectFailure(states({ aToB: aToB.subarray(1) }), 'INVALID_ARGUMENT', 'match.aToB', `${n} elements`)
    await expectFailure(states({ aToB: aToB.map(() => n) }), 'INVALID_ARGUMENT', 'match.aToB[0]', `below ${n}`)
    await expectFailure(states({ aToB }, { quantile: 2 }), 'INVALID_ARGUMENT', 'quantile')
    await expectFailure(states({ aToB }, { scale: 'fold' as 'raw' }), 'INVALID_ARGUMENT', "'raw' or 'folded'")
    await expectFailure(states({ aToB }, { batchTokens: 0 }), 'INVALID_ARGUMENT', 'batchTokens')
    await expectFailure(states({ aToB }, { unmached: 'drop' } as never), 'UNKNOWN_OPTION', 'unmatched')
    await expectFailure(states({ aToB }, { scale: 'folded' }, x, { ...b, threshold: null }), 'THRESHOLD_MISSING')
    await expectFailure(states({ aToB }, {}, x, { ...b, inputNorm: 'layer-norm' }), 'NOT_COMPARABLE', 'normalisation')
    const narrow = rowMajor(new Float32Array(6), 'f32', 2, 3)
    await expectFailure(states({ aToB }, {}, narrow), 'TENSOR_SHAPE', `[tokens, ${d}]`, '[2, 3]')
    const wide = syntheticSae(mulberry32(1), n, d + 1)
    await expectFailure(states({ aToB }, {}, x, wide), 'NOT_COMPARABLE', `width ${d}`)
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(states({ aToB }, { signal: aborted })).rejects.toThrow('enough')
  })
})
