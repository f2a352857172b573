import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import type { Rows } from '../../src/sae/rows.js'
import { describeBackendsOverRows } from '../helpers/backends.js'
import { allPairs, makeRows } from '../helpers/feature-rows.js'

const shapes = [
  { n: 1, m: 1 },
  { n: 40, m: 57 },
  { n: 64, m: 31 },
  { n: 80, m: 80 },
]

const timesSign = (rows: Rows, sign: (row: number) => number): Rows => ({
  ...rows,
  blocks: rows.blocks.map((block) => ({
    ...block,
    scale: Float64Array.from({ length: block.matrix.rows }, (_, i) => sign(i) * (block.scale?.[i] ?? 1)),
  })),
})
/** The same rows times -1. */
const opposite = (rows: Rows) => timesSign(rows, () => -1)
/** Rows of which every second one is turned round. */
const makeTurnedRows = (count: number, seed: number) =>
  timesSign(makeRows(count, seed), (row) => (row % 2 === 0 ? 1 : -1))

describeBackendsOverRows('rows up to their sign', (backend) => {
  /** The lesser exact cost of a row and of its opposite, and how often the opposite is the nearer one. */
  const costsOf = async (a: Rows, b: Rows) => {
    const sums = async (rows: Rows) => {
      const parts = await backend().pairCosts(rows, b, ...allPairs(a.count, b.count))
      return Float64Array.from({ length: a.count * b.count }, (_, e) => parts[2 * e] + parts[2 * e + 1])
    }
    const [same, turned] = [await sums(a), await sums(opposite(a))]
    return {
      costs: same.map((cost, e) => Math.min(cost, turned[e])),
      turns: same.filter((c, e) => turned[e] < c).length,
    }
  }

  it.each(shapes)('$n x $m: every source reaches the optimum of the lesser costs', async ({ n, m }) => {
    const [a, b] = [makeTurnedRows(n, 5), makeRows(m, 6)]
    const { costs, turns } = await costsOf(a, b)
    if (n > 1) expect(turns).toBeGreaterThan((n * m) / 8)
    for (const { unmatchedCost, maximize } of [
      { unmatchedCost: Infinity, maximize: false },
      { unmatchedCost: 1.2, maximize: false },
      { unmatchedCost: Infinity, maximize: true },
    ]) {
      const options = { unmatchedCost, maximize, neighbours: true, solver: 'shortlist' } as const
      const truth = await backend().solve(toProblem(costs, { ...options, rows: n, columns: m }, false), {})
      for (const way of [
        { source: 'dense' },
        { source: 'implicit' },
        { source: 'implicit', memoryBudget: 0 },
      ] as const) {
        const problem = toProblem({ a, b }, { ...options, ...way, sign: 'either' }, true)
        const { milliseconds: _, ...solution } = await backend().solve(problem, {})
        const { milliseconds: __, ...atOnce } = backend().solveSync(problem)
        expect(atOnce).toEqual(solution)
        const prices = n > m ? solution.u : solution.v
        const claim = { rowToColumn: solution.rowToColumn, prices }
        const judgement = certify({ costs, rows: n, columns: m, unmatchedCost, maximize }, claim)
        expect(judgement.violations).toEqual([])
        expect(solution.certificate.optimal).toBe(true)
        expect(Math.abs(solution.cost - truth.cost)).toBeLessThanOrEqual(2 * judgement.roundingBound)
        expect(solution.neighbours?.nearestColumn).toEqual(truth.neighbours?.nearestColumn)
        expect(solution.neighbours?.nearestRow).toEqual(truth.neighbours?.nearestRow)
      }
    }
  })

  it.each(shapes)('$n x $m: the nearest are those of a plain search', async ({ n, m }) => {
    const [a, b] = [makeTurnedRows(n, 1), makeRows(m, 2)]
    const { costs } = await costsOf(a, b)
    const count = Math.min(5, m)
    const expected = Array.from({ length: n }, (_, i) =>
      Array.from({ length: m }, (_, j) => ({ j, cost: costs[i * m + j] }))
        .sort((x, y) => x.cost - y.cost || x.j - y.j)
        .slice(0, count),
    ).flat()
    const { index, cost } = await backend().nearestRows(a, b, count, {}, 'either')
    expect([...index]).toEqual(expected.map(({ j }) => j))
    expect([...cost]).toEqual(expected.map((pair) => pair.cost))
  })
})
