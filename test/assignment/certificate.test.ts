import { describe, expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'

const claim = (rowToColumn: number[], prices: number[]) => ({
  rowToColumn: Int32Array.from(rowToColumn),
  prices: Float64Array.from(prices),
})

describe('certify', () => {
  it('accepts the optimum with its prices', () => {
    const problem = { costs: Float64Array.of(5, 1), rows: 1, columns: 2 }
    const judgement = certify(problem, claim([1], [0, 0]))
    expect(judgement).toMatchObject({ optimal: true, gap: 0, primal: 1, dual: 1, proof: 'full', violations: [] })
  })

  it.each([
    ['a dearer column with a price on the free one', [0], [0, -4]],
    ['a dearer column with a price above 0', [0], [4, 0]],
    ['a dearer column without prices', [0], [0, 0]],
  ])('rejects %s', (_, rowToColumn, prices) => {
    const judgement = certify({ costs: Float64Array.of(5, 1), rows: 1, columns: 2 }, claim(rowToColumn, prices))
    expect(judgement.optimal).toBe(false)
    expect(judgement.violations).not.toEqual([])
  })

  it('rejects a pair dearer than lambda', () => {
    const problem = { costs: Float64Array.of(5), rows: 1, columns: 1, unmatchedCost: 1 }
    expect(certify(problem, claim([0], [5])).optimal).toBe(false)
    expect(certify(problem, claim([-1], [0])).optimal).toBe(true)
  })

  it('rejects a swapped pair behind huge prices', () => {
    const problem = { costs: Float64Array.of(0, 1, 1, 0), rows: 2, columns: 2 }
    const judgement = certify(problem, claim([1, 0], [1e18, 1e18]))
    expect(judgement.violations.length + (judgement.optimal ? 0 : 1)).toBeGreaterThan(0)
    expect(judgement.optimal).toBe(false)
  })

  it('rejects two rows at one column, columns that do not exist and forbidden pairs', () => {
    const problem = { costs: Float64Array.of(0, Infinity, 0, 0), rows: 2, columns: 2 }
    expect(certify(problem, claim([0, 0], [0, 0])).violations).not.toEqual([])
    expect(certify(problem, claim([0, 7], [0, 0])).violations).not.toEqual([])
    expect(certify(problem, claim([1, 0], [0, 0])).violations).not.toEqual([])
  })

  it('gives an inexact assignment its true gap', () => {
    const problem = { costs: Float64Array.of(1, 2, 3, 10), rows: 2, columns: 2 }
    expect(certify(problem, claim([0, 1], [0, 0]))).toMatchObject({ primal: 11, dual: 4, gap: 7, optimal: false })
  })

  it.each([
    [NaN, false],
    [-Infinity, false],
    [Infinity, true],
  ])('rejects a cost of %s (maximize: %s) beside an assignment that would be optimal without it', (cost, maximize) => {
    const optimum = maximize ? 5 : 1
    for (const [rows, columns, rowToColumn] of [
      [1, 2, [0]],
      [2, 1, [0, -1]],
    ] as const) {
      const problem = { costs: Float64Array.of(optimum, cost), rows, columns, maximize }
      const judgement = certify(problem, claim([...rowToColumn], [0, 0]))
      expect(judgement.optimal).toBe(false)
      const place = rows === 1 ? 'row 0, column 1' : 'row 1, column 0'
      expect(judgement.violations.join()).toContain(`the first ${cost} in ${place}`)
    }
  })

  it('rejects prices that are not finite', () => {
    const problem = { costs: Float64Array.of(1, 1, 1, 1), rows: 2, columns: 2 }
    for (const price of [NaN, Infinity, -Infinity]) {
      expect(certify(problem, claim([0, 1], [price, price])).optimal).toBe(false)
      expect(certify(problem, claim([0, 1], [0, price])).violations.join()).toContain('not finite')
    }
  })

  it('judges sparse costs like the matrix with infinities', () => {
    // [[1, 4, -], [2, -, 3]] and its transpose
    const wide = {
      indptr: Int32Array.of(0, 2, 4),
      indices: Int32Array.of(1, 0, 0, 2),
      data: Float64Array.of(4, 1, 2, 3),
    }
    const tall = {
      indptr: Int32Array.of(0, 2, 3, 4),
      indices: Int32Array.of(0, 1, 0, 1),
      data: Float64Array.of(1, 2, 4, 3),
    }
    const problems = [
      { costs: { ...wide, rows: 2, columns: 3 } },
      { costs: Float64Array.of(1, 4, Infinity, 2, Infinity, 3), rows: 2, columns: 3 },
    ]
    for (const [rowToColumn, prices] of [
      [
        [0, 2],
        [0, 0, 0],
      ],
      [
        [0, 2],
        [-1, 0, 0],
      ],
      [
        [1, 0],
        [-1, 0, 0],
      ],
      [
        [1, 1],
        [0, 0, 0],
      ],
      [
        [2, 0],
        [0, 0, 0],
      ],
    ]) {
      const [sparse, dense] = problems.map((problem) => certify(problem, claim(rowToColumn, prices)))
      expect(sparse).toEqual(dense)
    }
    const problem = { costs: { ...tall, rows: 3, columns: 2 } }
    expect(certify(problem, claim([0, -1, 1], [-1, 0, 0]))).toMatchObject({ optimal: true, primal: 4, violations: [] })
    expect(certify(problem, claim([0, -1, 1], [0, 0, 0]))).toMatchObject({ optimal: false, primal: 4, dual: 3 })
    expect(certify({ ...problem, unmatchedCost: 2 }, claim([0, -1, -1], [0, 0, 0]))).toMatchObject({
      optimal: true,
      primal: 3,
    })
  })

  /** One row that lists both columns, at 1 each. */
  const sparse = {
    indptr: Int32Array.of(0, 2),
    indices: Int32Array.of(0, 1),
    data: Float64Array.of(1, 1),
    rows: 1,
    columns: 2,
  }

  it.each([
    ['a column twice', { indices: Int32Array.of(1, 1) }, /row 0 lists column 1 twice/],
    ['a column that does not exist', { indices: Int32Array.of(0, 2) }, /row 0 lists column 2, which does not exist/],
    ['a cost that is NaN', { data: Float64Array.of(1, NaN) }, /the first NaN in row 0, column 1/],
  ])('rejects sparse costs with %s', (_, change, message) => {
    expect(certify({ costs: sparse }, claim([0], [0, 0])).optimal).toBe(true)
    const judgement = certify({ costs: { ...sparse, ...change } }, claim([0], [0, 0]))
    expect(judgement.optimal).toBe(false)
    expect(judgement.violations.join()).toMatch(message)
  })

  it('refuses sparse costs whose parts do not fit together', () => {
    for (const change of [{ rows: 2 }, { indices: Int32Array.of(0) }, { data: Float64Array.of(1) }]) {
      expect(() => certify({ costs: { ...sparse, ...change } }, claim([0], [0, 0]))).toThrow(RangeError)
    }
  })
})
