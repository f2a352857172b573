import { describe, expect, it } from 'vitest'
import { confidences } from '../../src/matching/confidence.js'
import { match } from '../../src/matching/match.js'
import { quantiles } from '../../src/matching/statistics.js'
import { expectFailure } from '../helpers/errors.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { foldedRow, squaredDistance } from './planted-pair.js'

const random = mulberry32(8)
const [a, b] = [syntheticSae(random, 40, 8), syntheticSae(random, 55, 8)]
const rowOf = (sae: typeof a, i: number) => {
  const { decoder, encoder, bias } = foldedRow(sae, i)
  return Float64Array.of(...decoder, ...encoder, bias)
}

describe('confidence', () => {
  it('is the lead over the next best, 0 where another is as near', () => {
    const found = confidences({
      aToB: Int32Array.of(0, 1, 2, 3, -1, 4),
      cost: Float64Array.of(1, 0, 2, 2, Number.NaN, 0),
      margin: Float64Array.of(3, 5, -1, 4, Number.NaN, 0),
      rankAToB: Int32Array.of(0, 0, 1, 0, -1, 0),
      rankBToA: Int32Array.of(0, 0, 0, 2, 0),
    })
    expect([...found]).toEqual([0.75, 1, 0, 0, Number.NaN, 0])
  })

  it('of a match equals what a plain search over all pairs says', async () => {
    const { aToB, confidence, distributions, margin } = await match(a, b, { backend: 'typescript' })
    const y = Array.from({ length: 55 }, (_, j) => rowOf(b, j))
    const x = Array.from({ length: 40 }, (_, i) => rowOf(a, i))
    for (const [i, j] of aToB.entries()) {
      const cost = squaredDistance(x[i], y[j])
      const other = Math.min(...y.filter((_, k) => k !== j).map((row) => squaredDistance(x[i], row)))
      const wanted = x.every((row) => squaredDistance(row, y[j]) >= cost) ? Math.max(0, 1 - cost / other) : 0
      expect(confidence[i]).toBeCloseTo(wanted, 10)
    }
    expect(distributions.confidence.count).toBe(40)
    expect(confidence.filter((value) => value > 0).length).toBeGreaterThan(5)
    expect(margin.filter((value) => value < 0).length).toBeGreaterThan(5)
    const quick = await match(a, b, { backend: 'typescript', verify: 'shortlist' })
    expect(quick.confidence.every(Number.isNaN)).toBe(true)
  })
})

describe('unmatchedQuantile', () => {
  it('leaves pairs unmade that are dearer than the quantile of the full match', async () => {
    const full = await match(a, b, { backend: 'typescript' })
    const [lambda] = quantiles(full.costs.total.slice().sort(), [0.75])
    const found = await match(a, b, { backend: 'typescript', unmatchedQuantile: 0.75 })
    const same = await match(a, b, { backend: 'typescript', unmatchedCost: lambda })
    expect(found.provenance).toMatchObject({ unmatchedCost: lambda, unmatchedQuantile: 0.75 })
    expect(found.aToB).toEqual(same.aToB)
    expect(found.matched).toBeLessThan(40)
    expect(found.matched).toBeGreaterThanOrEqual(25)
    expect(found.certificate.optimal).toBe(true)
    for (const cost of found.costs.total) if (!Number.isNaN(cost)) expect(cost).toBeLessThanOrEqual(lambda)
  })

  it('of 1 lets a feature go only where the others gain more than its pair costs', async () => {
    const full = await match(a, b, { backend: 'typescript' })
    const found = await match(a, b, { backend: 'typescript', unmatchedQuantile: 1 })
    const { unmatchedCost } = found.provenance
    expect(unmatchedCost).toBe(Math.max(...full.costs.total))
    expect(found.matched).toBeGreaterThan(36)
    expect(found.cost).toBeLessThanOrEqual(full.cost)
  })

  it('is refused outside of 0 to 1, and beside a number', async () => {
    await expectFailure(match(a, b, { unmatchedQuantile: 1.5 }), 'INVALID_ARGUMENT', 'from 0 to 1')
    await expectFailure(match(a, b, { unmatchedQuantile: 0.5, unmatchedCost: 3 }), 'INVALID_ARGUMENT', 'unmatchedCost')
  })
})
