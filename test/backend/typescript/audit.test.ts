import { describe, expect, it } from 'vitest'
import { audit, type Claim } from '../../../src/backend/typescript/audit.js'
import { MatrixSource } from '../../../src/backend/typescript/matrix-source.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { mulberry32 } from '../../helpers/random.js'

function claim(
  costs: number[],
  rows: number,
  rowToColumn: number[],
  v: number[],
  unmatchedCost = Number.POSITIVE_INFINITY,
): Claim {
  const source = new MatrixSource(Float64Array.from(costs), rows, costs.length / rows)
  return { source, unmatchedCost, rowToColumn: Int32Array.from(rowToColumn), v: Float64Array.from(v) }
}

describe('audit', () => {
  it.each([
    ['a price on a free column', claim([5, 1], 1, [0], [0, -4])],
    ['a price above 0', claim([5, 1], 1, [0], [4, 0])],
    ['a pair dearer than lambda', claim([5], 1, [0], [5], 1)],
    ['a gap behind huge prices', claim([0, 1, 1, 0], 2, [1, 0], [1e18, 1e18])],
  ])('rejects %s', (_, rejected) => {
    const { certificate } = runAtOnce(audit(rejected))
    expect(certificate.optimal).toBe(false)
    expect(certificate.gap).toBeGreaterThan(0)
  })

  it('accepts the optimum, whatever is added to free prices', () => {
    for (const shift of [0, 3, -7]) {
      const { certificate, v } = runAtOnce(audit(claim([0, 1, 1, 0], 2, [0, 1], [shift, shift])))
      expect(certificate).toEqual({
        primal: 0,
        dual: 0,
        gap: 0,
        roundingBound: 0,
        minReducedCost: 0,
        proof: 'full',
        optimal: true,
      })
      expect(Array.from(v)).toEqual([0, 0])
    }
  })

  it('gives any claim its true gap', () => {
    const { certificate, u } = runAtOnce(audit(claim([1, 2, 3, 10], 2, [0, 1], [0, 0])))
    expect(certificate).toMatchObject({ primal: 11, dual: 4, gap: 7, optimal: false })
    expect(Array.from(u)).toEqual([1, 3])
  })

  it('leaves no reduced cost below 0 in exact arithmetic', () => {
    const random = mulberry32(6)
    for (let round = 0; round < 50; round++) {
      const costs = Array.from({ length: 90 }, () => (random() - 0.5) * 10 ** Math.floor(8 * random()))
      const prices = Array.from({ length: 10 }, () => -random() * 10 ** Math.floor(8 * random()))
      const assigned = Array.from({ length: 9 }, (_, i) => i)
      const { u, v } = runAtOnce(audit(claim(costs, 9, assigned, prices)))
      for (let i = 0; i < 9; i++) {
        for (let j = 0; j < 10; j++) {
          // u + v <= c, told exactly by the rounding error of the sum.
          const sum = u[i] + v[j]
          const part = sum - u[i]
          const error = u[i] - (sum - part) + (v[j] - part)
          const difference = costs[i * 10 + j] - sum
          expect(difference > 0 || (difference === 0 && error <= 0), `${i} ${j}`).toBe(true)
        }
      }
    }
  })

  it('keeps rows that stay alone at lambda exactly', () => {
    const lambda = 0.3
    // One step too high: column 1 seems a little better to the lone row 0 than staying alone.
    const price = 0.1 - lambda + 2 ** -55
    const { u, v, certificate } = runAtOnce(audit(claim([1, 0.1, 1, -0.2], 2, [-1, 1], [0, price], lambda)))
    expect(0.1 - price).toBeLessThan(lambda)
    expect(u[0]).toBe(lambda)
    expect(v[1]).toBeLessThan(price)
    expect(certificate.minReducedCost).toBeGreaterThanOrEqual(0)
    expect(certificate.optimal).toBe(true)
  })

  it('shows every row to whoever else wants it', () => {
    const seen: number[][] = []
    runAtOnce(audit(claim([1, 2, 3, 4], 2, [0, 1], [0, 0]), (row, costs) => seen.push([row, ...costs])))
    expect(seen).toEqual([
      [0, 1, 2],
      [1, 3, 4],
    ])
  })
})
