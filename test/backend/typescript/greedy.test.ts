import { expect, it } from 'vitest'
import { solveMatrix } from '../../../src/backend/typescript/solve.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { mulberry32 } from '../../helpers/random.js'

const options = { maximize: false, solver: 'greedy' as const, neighbours: false, verify: 'full' as const }

/** All pairs in order of cost, row, column; the first that still fits, again and again. */
function greedy(costs: Float64Array, rows: number, columns: number, unmatchedCost: number): Int32Array {
  const partner = new Int32Array(rows).fill(-1)
  const taken = new Set<number>()
  const order = Array.from(costs.keys()).sort((a, b) => costs[a] - costs[b] || a - b)
  for (const e of order) {
    const [i, j] = [Math.floor(e / columns), e % columns]
    if (costs[e] > unmatchedCost || costs[e] === Infinity || partner[i] >= 0 || taken.has(j)) continue
    partner[i] = j
    taken.add(j)
  }
  return partner
}

it.each([
  [30, 30, Infinity, 1e9],
  [20, 300, Infinity, 1e9],
  [300, 300, Infinity, 1e9],
  [200, 250, 0.01, 1e9],
  [60, 60, Infinity, 4],
  [150, 400, 2, 5],
])(
  'takes the cheapest pair of all that is left: %d x %d, lambda %d, %d levels',
  (rows, columns, unmatchedCost, levels) => {
    const random = mulberry32(rows + columns)
    const data = Float64Array.from(
      { length: rows * columns },
      () => Math.floor(random() * levels) / (levels > 10 ? levels : 1),
    )
    const solution = runAtOnce(
      solveMatrix({ kind: 'matrix', data, rows, columns, rowStride: columns }, { ...options, unmatchedCost }),
    )
    expect(solution.rowToColumn).toEqual(greedy(data, rows, columns, unmatchedCost))
    expect(solution.certificate.gap).toBeGreaterThanOrEqual(0)
    expect(solution.certificate.optimal).toBe(solution.certificate.gap <= solution.certificate.roundingBound)
  },
)

it('has a true gap', () => {
  const data = Float64Array.of(1, 2, 2, 100)
  const { cost, certificate } = runAtOnce(
    solveMatrix({ kind: 'matrix', data, rows: 2, columns: 2, rowStride: 2 }, { ...options, unmatchedCost: Infinity }),
  )
  expect(cost).toBe(101)
  expect(certificate.optimal).toBe(false)
  expect(certificate.dual).toBeLessThanOrEqual(4)
})

it('completes a full assignment that the cheapest pairs do not allow', () => {
  const x = Infinity
  const data = Float64Array.of(1, 2, 1, x)
  const costs = { kind: 'matrix' as const, data, rows: 2, columns: 2, rowStride: 2 }
  expect(Array.from(runAtOnce(solveMatrix(costs, { ...options, unmatchedCost: x })).rowToColumn)).toEqual([1, 0])
  expect(Array.from(runAtOnce(solveMatrix(costs, { ...options, unmatchedCost: 9 })).rowToColumn)).toEqual([0, -1])
})
