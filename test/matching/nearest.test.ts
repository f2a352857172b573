import { describe, expect, it } from 'vitest'
import { match } from '../../src/matching/match.js'
import { nearest } from '../../src/matching/nearest.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { availableBackends } from '../helpers/available-backends.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'
import { foldedRow, squaredDistance } from './planted-pair.js'

/** Folded costs of every pair, by hand. */
function costsByHand(a: Sae, b: Sae): number[][] {
  const rows = (sae: Sae) => Array.from({ length: sae.decoder.rows }, (_, i) => foldedRow(sae, i))
  const bRows = rows(b)
  return rows(a).map((x) =>
    bRows.map(
      (y) => squaredDistance(x.decoder, y.decoder) + squaredDistance(x.encoder, y.encoder) + (x.bias - y.bias) ** 2,
    ),
  )
}

const order = (costs: readonly number[]) => [...costs.keys()].sort((x, y) => costs[x] - costs[y] || x - y)

describe.each(availableBackends)('nearest on the %s backend', (backend) => {
  const random = mulberry32(5)
  const [a, b] = [syntheticSae(random, 9, 4), syntheticSae(random, 6, 4)]

  it('finds both ways what a search by hand finds', async () => {
    const costs = costsByHand(a, b)
    const k = 3
    const found = await nearest(a, b, { k, backend })
    expect({ n: found.n, m: found.m, k: found.k, backend: found.backend }).toEqual({ n: 9, m: 6, k, backend })
    const columns = costs[0].map((_, j) => costs.map((row) => row[j]))
    for (const [lines, side] of [
      [costs, found.aToB],
      [columns, found.bToA],
    ] as const) {
      expect([...side.feature]).toEqual(lines.flatMap((line) => order(line).slice(0, k)))
      lines.forEach((line, i) => {
        for (let r = 0; r < k; r++) {
          const cost = line[side.feature[i * k + r]]
          expect(Math.abs(side.cost[i * k + r] - cost)).toBeLessThanOrEqual(1e-12 * cost)
        }
      })
    }
    const mutual = costs.map((row, i) => (order(columns[order(row)[0]])[0] === i ? 1 : 0))
    expect([...found.mutual]).toEqual(mutual)
    expect(found.mutualShare).toBe(mutual.filter((one) => one === 1).length / 9)
  })

  it('agrees with the neighbours of a match', async () => {
    const [found, { nearestAToB, nearestBToA }] = [await nearest(a, b, { backend }), await match(a, b, { backend })]
    expect(found.aToB.feature).toEqual(nearestAToB)
    expect(found.bToA.feature).toEqual(nearestBToA)
  })

  it('of directions of decoders is the largest cosine, and its mean is MMCS', async () => {
    const found = await nearest(a, b, { scale: 'unit', weights: 'decoder', k: 6, backend })
    const row = (sae: Sae, i: number) => foldedRow(sae, i).decoder
    const cosine = (x: Float64Array, y: Float64Array) => {
      const dot = (p: Float64Array, q: Float64Array) => p.reduce((sum, value, e) => sum + value * q[e], 0)
      return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
    }
    let sum = 0
    for (let i = 0; i < 9; i++) {
      const cosines = Array.from({ length: 6 }, (_, j) => cosine(row(a, i), row(b, j)))
      sum += Math.max(...cosines)
      found.aToB.feature.subarray(i * 6, (i + 1) * 6).forEach((j, r) => {
        expect(found.aToB.cosineDecoder[i * 6 + r]).toBeCloseTo(cosines[j], 12)
        if (r > 0) expect(cosines[found.aToB.feature[i * 6 + r - 1]]).toBeGreaterThanOrEqual(cosines[j] - 1e-12)
      })
    }
    expect(found.aToB.meanCosineDecoder).toBeCloseTo(sum / 9, 12)
  })

  it('of an SAE with itself leaves out every feature itself, even where others are alike', async () => {
    const { data } = a.decoder
    const twin = (values: ArrayLike<number>, width: number) =>
      Float64Array.from({ length: 9 * width }, (_, e) => values[e < 5 * width ? e % width : e])
    const alike = {
      ...a,
      decoder: rowMajor(twin(data, 4), 'f64', 9, 4),
      encoder: rowMajor(twin(a.encoder.data, 4), 'f64', 9, 4),
      encoderBias: twin(a.encoderBias, 1),
      threshold: twin(a.threshold!, 1),
    }
    const found = await nearest(alike, alike, { k: 2, backend })
    expect([...found.aToB.feature.slice(0, 10)]).toEqual([1, 2, 0, 2, 0, 1, 0, 1, 0, 1])
    expect([...found.aToB.cost.slice(0, 10)]).toEqual(Array(10).fill(0))
    for (let i = 0; i < 9; i++) expect([...found.aToB.feature.slice(2 * i, 2 * i + 2)]).not.toContain(i)
    expect(found.bToA).toBe(found.aToB)
  })

  it('says -1 where there are no more, and for features that cannot be folded', async () => {
    const threshold = Float64Array.from(b.threshold!, (theta, j) => (j === 2 ? -1 : theta))
    const { aToB, bToA, warnings } = await nearest(a, { ...b, threshold }, { k: 7, backend })
    for (let i = 0; i < 9; i++) {
      const found = aToB.feature.subarray(7 * i, 7 * i + 7)
      expect([...found].sort((x, y) => x - y)).toEqual([-1, -1, 0, 1, 3, 4, 5])
      expect([...found.slice(5)]).toEqual([-1, -1])
      expect([...aToB.cost.slice(7 * i + 5, 7 * i + 7)]).toEqual([NaN, NaN])
    }
    expect([...bToA.feature.slice(14, 21)]).toEqual(Array(7).fill(-1))
    expect(warnings).toEqual(['synthetic: 1 feature has a threshold that cannot be folded (left out).'])
  })

  it('refuses what makes no sense', async () => {
    for (const k of [0, 10, 1e5, 1e9]) {
      await expect(nearest(a, b, { k, backend })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('from 1 to 9'),
      })
    }
    await expect(nearest(a, b, { kk: 3 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
    const wide = {
      ...b,
      decoder: rowMajor(normals(random, 30), 'f64', 6, 5),
      encoder: rowMajor(normals(random, 30), 'f64', 6, 5),
    }
    await expect(nearest(a, wide, { backend })).rejects.toMatchObject({ code: 'NOT_COMPARABLE' })
  })
})
