import { describe, expect, it, vi } from 'vitest'
import { getBackendSync } from '../../src/backend/select.js'
import { costMatrix, featureRows, solveAssignment } from '../../src/index.js'
import { invert } from '../../src/matching/compose.js'
import { match } from '../../src/matching/match.js'
import type { MatchOptions } from '../../src/matching/options.js'
import { mean } from '../../src/matching/statistics.js'
import { foldSae } from '../../src/sae/fold.js'
import type { Sae } from '../../src/sae/sae.js'
import { readRow } from '../../src/tensor/row.js'
import { availableBackends } from '../helpers/available-backends.js'
import { expectFailure } from '../helpers/errors.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { foldedRow, pickFeatures, plantedPair, squaredDistance } from './planted-pair.js'

const close = (found: number, expected: number) =>
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-12 * Math.abs(expected))

describe.each(availableBackends)('match on the %s backend', (backend) => {
  describe.each(['fold', 'unit', 'none', 'stat'] as const)('in the scale %s', (name) => {
    const { a, b, aToB, gauge } = plantedPair(7, 90, 12, 0.01)
    const statistic = Float64Array.from({ length: 90 }, (_, i) => 1 + (i % 5))
    const moved = Float64Array.from(invert(aToB, 90), (i) => statistic[i] * gauge[i])
    const scale = name === 'stat' ? { stat: [statistic, moved] as const } : name
    const swapped = name === 'stat' ? { stat: [moved, statistic] as const } : name

    it('finds a planted permutation whatever the gauge', async () => {
      const found = await match(a, b, { backend, scale })
      expect(found.aToB).toEqual(aToB)
      expect(found.bToA).toEqual(invert(aToB, 90))
      expect(found.certificate).toMatchObject({ optimal: true, proof: 'full' })
      expect(found.provenance).toMatchObject({ backend, scale: name, scoredScale: 'fold' })
      expect([...found.mutual]).toEqual(new Array(90).fill(1))
      expect([...found.rankAToB, ...found.rankBToA]).toEqual(new Array(180).fill(0))
      for (const cosine of [...found.cosines.decoder, ...found.cosines.encoder]) expect(cosine).toBeGreaterThan(0.99)
      for (const margin of found.margin) expect(margin).toBeGreaterThan(0)
      expect(found.summary.mutualShare).toBe(1)
    })

    it('finds its inverse the other way round, at the same cost', async () => {
      const [there, back] = [await match(a, b, { backend, scale }), await match(b, a, { backend, scale: swapped })]
      expect(back.aToB).toEqual(there.bToA)
      close(back.cost, there.cost)
    })
  })

  it('gives activations of A to B through bToA, weights of B to A through aToB', async () => {
    const { a, b } = plantedPair(3, 40, 8, 0)
    const { aToB, bToA } = await match(a, b, { backend })
    const activations = Float64Array.from({ length: 40 }, (_, i) => i * i)
    const ofB = Float64Array.from(bToA, (i) => activations[i])
    for (const [i, j] of aToB.entries()) {
      expect(ofB[j]).toBe(activations[i])
      expect(squaredDistance(foldedRow(a, i).decoder, foldedRow(b, j).decoder)).toBeLessThan(1e-20)
    }
  })

  describe.each([
    { weights: { decoder: 1, encoder: 1, bias: 1 } },
    { weights: { decoder: 2, encoder: 0.5, bias: 3 } },
    { weights: { decoder: 1, encoder: 0, bias: 0 } },
    { weights: { decoder: 0, encoder: 1, bias: 0 } },
  ])('with weights $weights', ({ weights }) => {
    const random = mulberry32(11)
    const [a, b] = [syntheticSae(random, 50, 7), syntheticSae(random, 50, 7)]

    it('has costs that are the weighted sum of the MSEs and add up to the objective', async () => {
      const found = await match(a, b, { backend, weights })
      const { total, decoder, encoder, bias } = found.costs
      for (let i = 0; i < 50; i++) {
        close(total[i], weights.decoder * 7 * decoder[i] + weights.encoder * 7 * encoder[i] + weights.bias * bias[i])
      }
      close(
        total.reduce((sum, cost) => sum + cost),
        found.cost,
      )
      expect(found.cost).toBe(found.certificate.primal)
      close(found.summary.matched.total, found.cost / 50)
      close(found.summary.matched.decoder, mean(decoder))
    })

    it('has MSEs, cosines, ranks and margins as computed by hand', async () => {
      const found = await match(a, b, { backend, weights })
      const cost = (i: number, j: number) => {
        const [x, y] = [foldedRow(a, i), foldedRow(b, j)]
        return (
          weights.decoder * squaredDistance(x.decoder, y.decoder) +
          weights.encoder * squaredDistance(x.encoder, y.encoder) +
          weights.bias * (x.bias - y.bias) ** 2
        )
      }
      for (const [i, j] of found.aToB.entries()) {
        const [x, y] = [foldedRow(a, i), foldedRow(b, j)]
        close(found.costs.decoder[i], squaredDistance(x.decoder, y.decoder) / 7)
        close(found.costs.encoder[i], squaredDistance(x.encoder, y.encoder) / 7)
        close(found.costs.bias[i], (x.bias - y.bias) ** 2)
        expect(found.cosines.decoder[i]).toBeCloseTo(cosine(readRow(a.decoder, i), readRow(b.decoder, j)), 12)
        expect(found.cosines.encoder[i]).toBeCloseTo(cosine(readRow(a.encoder, i), readRow(b.encoder, j)), 12)
        const row = Array.from({ length: 50 }, (_, k) => cost(i, k))
        expect(found.rankAToB[i]).toBe(row.filter((other) => other < row[j]).length)
        expect(found.margin[i]).toBeCloseTo(Math.min(...row.filter((_, k) => k !== j)) - row[j], 9)
        expect(found.nearestAToB[i]).toBe(row.indexOf(Math.min(...row)))
      }
    })
  })

  it.each([
    ['none', 'unfolded'],
    ['unit', 'cosine'],
  ] as const)('scores a match in the scale %s folded', async (scale, baseline) => {
    const random = mulberry32(5)
    const [a, b] = [syntheticSae(random, 30, 6), syntheticSae(random, 30, 6)]
    const [other, folded] = [await match(a, b, { backend, scale }), await match(a, b, { backend, baselines: 'all' })]
    expect(other.provenance).toMatchObject({ scale, scoredScale: 'fold' })
    for (const [i, j] of other.aToB.entries()) {
      close(other.costs.decoder[i], squaredDistance(foldedRow(a, i).decoder, foldedRow(b, j).decoder) / 6)
    }
    expect(folded.summary[baseline]).toEqual(other.summary.matched)
    expect(folded.summary.matched.total).toBeLessThan(other.summary.matched.total)
  })

  it('scores a match in a scale of the caller folded', async () => {
    const random = mulberry32(25)
    const [a, b] = [syntheticSae(random, 30, 6), syntheticSae(random, 30, 6)]
    const stat = [a.threshold!.map((theta) => 3 * theta), b.threshold!.map((theta) => 3 * theta)] as const
    const found = await match(a, b, { backend, scale: { stat }, weights: 'decoder' })
    const folded = await match(a, b, { backend, weights: 'decoder' })
    expect(found.provenance).toMatchObject({ scale: 'stat', scoredScale: 'fold' })
    close(found.cost, 9 * folded.cost)
    expect(found.summary.matched).toEqual(folded.summary.matched)
  })

  it('passes on what loading warned of, and names the SAE', async () => {
    const { a, b } = plantedPair(26, 10, 4, 0)
    const [first, second] = [
      { ...a, warnings: ['A factor is assumed.'] },
      { ...b, warnings: ['The path lies.'] },
    ]
    const { warnings } = await match(first, second, { backend })
    expect(warnings).toEqual(['synthetic: A factor is assumed.', 'permuted: The path lies.'])
    expect((await match(first, first, { backend })).warnings).toEqual(['synthetic: A factor is assumed.'])
  })

  it('is the same for folded SAEs, which keep what could not be folded out', async () => {
    const { a, b } = plantedPair(27, 24, 8, 0.01)
    const wide = { ...a, threshold: a.threshold!.map((theta, i) => (i === 3 ? 0.003 : 5.5 + theta)) }
    const [plain, folded] = [
      await match(wide, b, { backend }),
      await match(foldSae(wide).sae, foldSae(b).sae, { backend }),
    ]
    expect([...plain.unfoldableA]).toEqual([3])
    expect(folded.unfoldableA).toEqual(plain.unfoldableA)
    expect(folded.aToB).toEqual(plain.aToB)
    close(folded.cost, plain.cost)
  })

  it('stops between two scorings', async () => {
    const random = mulberry32(28)
    const [a, b] = [syntheticSae(random, 20, 5), syntheticSae(random, 20, 5)]
    const reason = new Error('enough')
    const controller = new AbortController()
    const scoring = vi.spyOn(getBackendSync(backend), 'pairCosts')
    try {
      scoring.mockImplementationOnce(() => {
        controller.abort(reason)
        return Promise.resolve(new Float64Array(60))
      })
      await expect(match(a, b, { backend, signal: controller.signal })).rejects.toBe(reason)
      expect(scoring).toHaveBeenCalledTimes(1)
    } finally {
      scoring.mockRestore()
    }
  })

  it.each(['layer_1', null, undefined, {}, Promise.resolve()])('refuses %o in the place of an SAE', async (value) => {
    const { b } = plantedPair(29, 5, 3, 0)
    await expectFailure(match(value as Sae, b, { backend }), 'INVALID_ARGUMENT', 'sparse autoencoder', '`a`')
    await expectFailure(match(b, value as Sae, { backend }), 'INVALID_ARGUMENT', 'sparse autoencoder', '`b`')
    await expectFailure(featureRows(value as Sae, { backend }), 'INVALID_ARGUMENT', 'sparse autoencoder', '`sae`')
  })

  it('scores in the scale of the match where there are no thresholds', async () => {
    const random = mulberry32(6)
    const relu = { threshold: null, activation: { kind: 'relu' } } as const
    const [a, b] = [syntheticSae(random, 20, 5, relu), syntheticSae(random, 20, 5, relu)]
    const found = await match(a, b, { backend, scale: 'none', baselines: 'all' })
    expect(found.provenance).toMatchObject({ scale: 'none', scoredScale: 'none' })
    close(found.summary.matched.total, found.cost / 20)
    await expectFailure(match(a, b, { backend }), 'THRESHOLD_MISSING', 'relu')
  })

  it('finds what the greatest sum of inner products finds', async () => {
    const random = mulberry32(8)
    const [a, b] = [syntheticSae(random, 45, 6), syntheticSae(random, 45, 6)]
    const products = new Float64Array(45 * 45)
    for (let i = 0; i < 45; i++) {
      for (let j = 0; j < 45; j++) {
        const [x, y] = [foldedRow(a, i), foldedRow(b, j)]
        products[i * 45 + j] = dot(x.decoder, y.decoder) + dot(x.encoder, y.encoder) + x.bias * y.bias
      }
    }
    const greatest = await solveAssignment(products, { rows: 45, columns: 45, maximize: true, backend })
    expect((await match(a, b, { backend })).aToB).toEqual(greatest.rowToColumn)
  })

  it('of decoders with one threshold for all is the match of directions', async () => {
    const random = mulberry32(9)
    const unitDecoders = (threshold: number): Sae => {
      const sae = syntheticSae(random, 40, 6)
      const norms = Float64Array.from({ length: 40 }, (_, i) =>
        Math.sqrt(dot(readRow(sae.decoder, i), readRow(sae.decoder, i))),
      )
      return { ...sae, decoderScale: norms.map((norm) => 1 / norm), threshold: new Float64Array(40).fill(threshold) }
    }
    const [a, b] = [unitDecoders(3), unitDecoders(7)]
    const folded = await match(a, b, { backend, weights: 'decoder' })
    const directions = await match(a, b, { backend, weights: 'decoder', scale: 'unit' })
    expect(folded.aToB).toEqual(directions.aToB)
    for (const [i, cosine] of folded.cosines.decoder.entries()) close(folded.costs.total[i], 9 + 49 - 42 * cosine)
  })

  it('matches the smaller SAE whole, either way round', async () => {
    const { a, b, aToB } = plantedPair(4, 50, 9, 0.01)
    const small = pickFeatures(a, [40, 3, 17, 22])
    const wide = await match(small, b, { backend })
    expect([...wide.aToB]).toEqual([40, 3, 17, 22].map((i) => aToB[i]))
    expect(wide).toMatchObject({ n: 4, m: 50, matched: 4 })
    expect(wide.unmatchedB).toHaveLength(46)
    expect(wide.summary.identity).toBeUndefined()
    const tall = await match(b, small, { backend })
    expect(tall.bToA).toEqual(wide.aToB)
    expect(tall.unmatchedA).toEqual(wide.unmatchedB)
    expect([...tall.unmatchedA].map((i) => tall.costs.total[i])).toEqual(new Array(46).fill(Number.NaN))
  })

  it('leaves features alone that only a dearer pair could match', async () => {
    const { a, b, aToB } = plantedPair(12, 30, 10, 0.01)
    const strangers = syntheticSae(mulberry32(99), 30, 10)
    const mixed = pickFeatures(joined(b, strangers), [...aToB.slice(0, 20), 30, 31, 32, 33, 34, 35, 36, 37, 38, 39])
    const found = await match(a, mixed, { backend, unmatchedCost: 1 })
    expect([...found.aToB.slice(0, 20)]).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect([...found.unmatchedA]).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
    expect([...found.unmatchedB]).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
    close(found.cost, found.costs.total.slice(0, 20).reduce((sum, cost) => sum + cost) + 10)
    expect(found.certificate.optimal).toBe(true)
  })

  it('leaves out features that cannot be folded, and keeps every index that of the SAE', async () => {
    const { a, b, aToB } = plantedPair(13, 24, 8, 0.01)
    const broken = {
      ...a,
      threshold: a.threshold!.map((theta, i) => [Number.NaN, 0, 1e-9][[2, 9, 15].indexOf(i)] ?? theta),
    }
    const found = await match(broken, b, { backend })
    expect([...found.unfoldableA]).toEqual([2, 9, 15])
    expect([...found.aToB]).toEqual([...aToB].map((j, i) => ([2, 9, 15].includes(i) ? -1 : j)))
    expect([...found.unmatchedB].sort()).toEqual([2, 9, 15].map((i) => aToB[i]).sort())
    expect(found.unmatchedA).toHaveLength(0)
    for (const i of [2, 9, 15])
      expect([found.u[i], found.costs.total[i], found.margin[i]]).toEqual([Number.NaN, Number.NaN, Number.NaN])
    expect(found.warnings).toEqual(['synthetic: 3 features have a threshold that cannot be folded (left out).'])

    const median = await match(broken, b, { backend, unfoldable: 'median' })
    expect(median.matched).toBe(24)
    const unfolded = await match(broken, b, { backend, scale: 'none' })
    expect(unfolded.aToB).toEqual(aToB)
    expect(unfolded.costs.decoder[2]).toBeNaN()
    expect(unfolded.summary.matched.total).toBeGreaterThan(0)
  })

  it('does without neighbours where only the lists are to be proved', async () => {
    const { a, b, aToB } = plantedPair(14, 80, 8, 0.05)
    const found = await match(a, b, { backend, verify: 'shortlist' })
    expect(found.aToB).toEqual(aToB)
    expect(found.certificate).toMatchObject({ optimal: true, proof: 'shortlist' })
    expect([...found.rankAToB, ...found.nearestBToA]).toEqual(new Array(160).fill(-1))
    expect(found.summary).not.toHaveProperty('nearest')
    expect(found.summary).toHaveProperty('random')
  })

  it('solves dense and implicit at the same cost', async () => {
    const random = mulberry32(15)
    const [a, b] = [syntheticSae(random, 130, 20), syntheticSae(random, 100, 20)]
    const [dense, implicit] = [
      await match(a, b, { backend, source: 'dense' }),
      await match(a, b, { backend, source: 'implicit' }),
    ]
    expect([dense.provenance.source, implicit.provenance.source]).toEqual(['dense', 'implicit'])
    expect(implicit.aToB).toEqual(dense.aToB)
    expect(implicit.cost).toBe(dense.cost)
  })

  it('agrees with an assignment of its own cost matrix', async () => {
    const random = mulberry32(16)
    const [a, b] = [syntheticSae(random, 60, 5), syntheticSae(random, 60, 5)]
    const costs = await costMatrix(await featureRows(a, { backend }), await featureRows(b, { backend }), { backend })
    const solved = await solveAssignment(costs, { rows: 60, columns: 60, backend })
    expect((await match(a, b, { backend })).aToB).toEqual(solved.rowToColumn)
  })

  it('reports progress and stops when told to', async () => {
    const random = mulberry32(17)
    const [a, b] = [syntheticSae(random, 300, 30), syntheticSae(random, 300, 30)]
    const phases = new Set<string>()
    await match(a, b, { backend, baselines: 'all', onProgress: ({ phase }) => phases.add(phase) })
    for (const phase of ['solve', 'unfolded match: solve', 'cosine match: solve']) expect(phases).toContain(phase)

    const reason = new Error('enough')
    const stop = (found: unknown) => expect([found, (found as Error).cause]).toContain(reason)
    stop(await match(a, b, { backend, signal: AbortSignal.abort(reason) }).catch((error) => error))
    const controller = new AbortController()
    const options = { backend, signal: controller.signal, onProgress: () => controller.abort(reason) }
    stop(await match(a, b, options).catch((error) => error))
  })

  it.each<{ options: MatchOptions; message: string; code?: string }>([
    {
      options: { scael: 'fold' } as MatchOptions,
      message: 'Unknown option `scael`. Did you mean `scale`?',
      code: 'UNKNOWN_OPTION',
    },
    {
      options: { scale: 'folded' as 'fold' },
      message: "Expected 'fold' or 'unit' or 'none' for `scale`, got \"folded\"",
    },
    {
      options: { weights: { decoder: 1 } as never },
      message: 'Expected a number for `weights.encoder`, got undefined',
    },
    {
      options: { weights: { decoder: -1, encoder: 1, bias: 1 } },
      message: 'Expected a finite number >= 0 for `weights.decoder`, got -1',
    },
    { options: { unmatchedCost: Number.NaN }, message: 'Expected a number >= 0 for `unmatchedCost`, got NaN' },
    { options: { memoryBudget: '4GB' as never }, message: 'Expected a number for `memoryBudget`, got "4GB"' },
    {
      options: { solver: 'auction', backend: 'typescript' as const },
      message: 'The typescript backend has no solver `auction`',
      code: 'SOLVER_UNAVAILABLE',
    },
    {
      options: { scale: { stat: [new Float32Array(3), new Float32Array(5)] } },
      message: 'Expected 5 numbers, one for each feature for `scale.stat`, got Float32Array of length 3',
    },
    { options: { seeds: [] }, message: 'Expected an array of numbers for `seeds`, got an array of length 0' },
  ])('refuses $options', async ({ options, message, code = 'INVALID_ARGUMENT' }) => {
    const random = mulberry32(18)
    const [a, b] = [syntheticSae(random, 5, 3), syntheticSae(random, 5, 3)]
    await expectFailure(match(a, b, { backend, ...options }), code as 'INVALID_ARGUMENT', message)
  })

  it('refuses SAEs of different spaces', async () => {
    const random = mulberry32(19)
    await expectFailure(
      match(syntheticSae(random, 5, 3), syntheticSae(random, 5, 4), { backend }),
      'NOT_COMPARABLE',
      '3',
      '4',
    )
  })
})

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, k) => sum + value * y[k], 0)
}

function cosine(x: Float64Array, y: Float64Array): number {
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
}

/** The features of two SAEs one after the other. */
function joined(first: Sae, second: Sae): Sae {
  const numbers = (x: Float64Array, y: Float64Array) => Float64Array.of(...x, ...y)
  const matrix = (x: Sae['encoder'], y: Sae['encoder']) => ({
    ...x,
    data: numbers(x.data as Float64Array, y.data as Float64Array),
    rows: x.rows + y.rows,
  })
  return {
    ...first,
    encoder: matrix(first.encoder, second.encoder),
    decoder: matrix(first.decoder, second.decoder),
    encoderBias: numbers(first.encoderBias, second.encoderBias),
    threshold: numbers(first.threshold!, second.threshold!),
  }
}
