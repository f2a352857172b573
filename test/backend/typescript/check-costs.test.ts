import { describe, expect, it } from 'vitest'
import { checkCosts } from '../../../src/backend/typescript/check-costs.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'

const x = Number.POSITIVE_INFINITY

function check(data: Float32Array | Float64Array, { columns = data.length, maximize = false, unmatchedCost = x } = {}) {
  return runAtOnce(
    checkCosts(
      { kind: 'matrix', data, rows: data.length / columns, columns, rowStride: columns },
      maximize,
      unmatchedCost,
    ),
  )
}

describe('checkCosts', () => {
  it.each([
    [[1, 2, 3], { forbidden: false, constant: false }],
    [[2, 2, 2], { forbidden: false, constant: true }],
    [[2, x, 2], { forbidden: true, constant: false }],
    [[x, x], { forbidden: true, constant: false }],
    [[0, -0], { forbidden: false, constant: true }],
  ])('%j', (entries, facts) => {
    expect(check(Float64Array.from(entries))).toEqual(facts)
    expect(check(Float32Array.from(entries))).toEqual(facts)
    expect(
      check(
        Float64Array.from(entries, (entry) => -entry),
        { maximize: true },
      ),
    ).toEqual(facts)
  })

  it.each([0, 65_535, 65_536, 99_999])('finds a bad entry at %d', (position) => {
    for (const bad of [Number.NaN, -x]) {
      const data = new Float32Array(100_000).fill(1)
      data[position] = bad
      const where = `row ${Math.floor(position / 400)}, column ${position % 400}, got ${bad}`
      expect(() => check(data, { columns: 400 })).toThrow(where)
      expect(() => check(data, { columns: 400 })).toThrow(expect.objectContaining({ code: 'COST_NAN' }))
    }
    const varied = new Float64Array(100_000).fill(1)
    varied[position] = 2
    expect(check(varied, { columns: 400 }).constant).toBe(false)
  })

  it('refuses costs and a lambda whose sums could overflow, and nothing below', () => {
    const limit = Number.MAX_VALUE / (8 * 4)
    expect(check(Float64Array.of(limit, -limit)).forbidden).toBe(false)
    for (const failing of [
      () => check(Float64Array.of(2 * limit, 0)),
      () => check(Float64Array.of(0, -2 * limit)),
      () => check(Float64Array.of(0, 1), { unmatchedCost: 2 * limit }),
    ]) {
      expect(failing).toThrow(expect.objectContaining({ code: 'COST_RANGE' }))
    }
    // Many entries whose sizes only add up to more.
    expect(check(new Float64Array(1000).fill(1e303), { columns: 10 }).constant).toBe(true)
  })
})
