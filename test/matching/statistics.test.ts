import { describe, expect, it } from 'vitest'
import {
  distribution,
  histogram,
  linearEdges,
  logarithmicEdges,
  mean,
  quantileLevels,
  quantiles,
} from '../../src/matching/statistics.js'

describe('quantiles', () => {
  it.each([
    { values: [7], levels: [0, 0.3, 1], expected: [7, 7, 7] },
    { values: [0, 10], levels: [0, 0.25, 0.5, 1], expected: [0, 2.5, 5, 10] },
    { values: [1, 2, 3, 4], levels: [0.1, 0.5, 0.9], expected: [1.3, 2.5, 3.7] },
  ])('$values at $levels', ({ values, levels, expected }) => {
    const found = quantiles(values, levels)
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 12)
    })
  })

  it('of 0 .. 100 at the levels of every report', () => {
    const values = Array.from({ length: 101 }, (_, i) => i)
    expect(quantiles(values).map((value) => Math.round(value))).toEqual(quantileLevels.map((level) => level * 100))
  })
})

describe('histogram', () => {
  it('counts the lower edge in, the upper only in the last bin, and nothing outside', () => {
    expect(histogram([-1, 0, 0.5, 1, 1.5, 2, 3], [0, 1, 2])).toEqual({ edges: [0, 1, 2], counts: [2, 3] })
  })

  it('skips empty bins', () => {
    expect(histogram([0.5, 9.5], linearEdges(0, 10, 5)).counts).toEqual([1, 0, 0, 0, 1])
  })
})

describe('edges', () => {
  it('end exactly where they should', () => {
    expect(linearEdges(-1, 1, 40)).toHaveLength(41)
    expect(linearEdges(0.1, 0.7, 7)[7]).toBe(0.7)
  })

  it.each([
    { values: [0, 0, 1, 10, 100], bins: 2, edges: [0, 1, 10, 100] },
    { values: [0, 0], bins: 4, edges: [0, 1] },
    { values: [3, 3], bins: 4, edges: [0, 3] },
    { values: [], bins: 4, edges: [0, 1] },
  ])('over the magnitudes of $values', ({ values, bins, edges }) => {
    const found = logarithmicEdges(values, bins)
    expect(found).toHaveLength(edges.length)
    found.forEach((edge, i) => {
      expect(edge).toBeCloseTo(edges[i], 12)
    })
    expect(histogram(values, found).counts.reduce((sum, count) => sum + count, 0)).toBe(values.length)
  })
})

describe('distribution', () => {
  it('leaves out what has no value', () => {
    const found = distribution(Float64Array.of(3, Number.NaN, 1, 2), () => [0, 2, 4])
    expect(found.count).toBe(3)
    expect(found.mean).toBe(2)
    expect(found.quantiles[0]).toBe(1)
    expect(found.quantiles.at(-1)).toBe(3)
    expect(found.histogram.counts).toEqual([1, 2])
  })

  it('of nothing is NaN, not 0', () => {
    const found = distribution(new Float64Array(2).fill(Number.NaN), (sorted) => logarithmicEdges(sorted, 3))
    expect(found.count).toBe(0)
    expect(found.mean).toBeNaN()
    expect(mean([])).toBeNaN()
  })
})
