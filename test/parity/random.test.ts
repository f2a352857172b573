import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import { describeBackends } from '../helpers/backends.js'
import { optionsOf, randomProblem } from '../helpers/problems.js'
import { mulberry32 } from '../helpers/random.js'

const rounds = 400

/** The least total over all assignments, by trying them. */
function bruteForce(costs: Float64Array, n: number, m: number): number {
  const used = new Set<number>()
  const best = (i: number): number => {
    if (i === n) return 0
    let least = Infinity
    for (let j = 0; j < m; j++) {
      if (used.has(j)) continue
      used.add(j)
      least = Math.min(least, costs[i * m + j] + best(i + 1))
      used.delete(j)
    }
    return least
  }
  return best(0)
}

describeBackends('random problems', (backend) => {
  it('satisfy every condition of optimality, and all exact solvers agree', async () => {
    const random = mulberry32(17)
    for (let round = 0; round < rounds; round++) {
      const problem = randomProblem(random)
      const options = optionsOf(problem)
      const outcomes = []
      for (const solver of backend().solvers.filter((name) => name !== 'greedy')) {
        const solved = backend().solve(toProblem(problem.costs, { ...options, solver }, false), {})
        outcomes.push(await solved.catch((error) => error.code))
      }
      if (outcomes.includes('INFEASIBLE')) {
        expect(outcomes).toEqual(outcomes.map(() => 'INFEASIBLE'))
        continue
      }
      for (const { rowToColumn, columnToRow, u, v, cost, certificate } of outcomes) {
        const judgement = certify(problem, { rowToColumn, prices: problem.rows > problem.columns ? u : v })
        expect(judgement.violations, `round ${round}`).toEqual([])
        expect(certificate.optimal).toBe(true)
        expect(Math.abs(cost - judgement.primal)).toBeLessThanOrEqual(judgement.roundingBound)
        if (problem.integer) expect(certificate.gap).toBe(0)
        for (const [i, j] of rowToColumn.entries()) if (j >= 0) expect(columnToRow[j]).toBe(i)
      }
      const [first, ...others] = outcomes
      for (const other of others) {
        expect(Math.abs(first.cost - other.cost)).toBeLessThanOrEqual(
          first.certificate.roundingBound + other.certificate.roundingBound,
        )
      }
    }
  })

  it('equal brute force where that is possible', async () => {
    const random = mulberry32(23)
    for (let round = 0; round < 60; round++) {
      const n = 1 + Math.floor(random() * 6)
      const m = n + Math.floor(random() * 2)
      const costs = Float64Array.from({ length: n * m }, () => Math.floor(random() * 20) - 5)
      const { cost } = await backend().solve(toProblem(costs, { rows: n, columns: m, solver: 'shortlist' }, false), {})
      expect(cost).toBe(bruteForce(costs, n, m))
    }
  })

  it('give the same result twice, and the inverse for the transposed matrix', async () => {
    const random = mulberry32(29)
    const [rows, columns] = [60, 45]
    const costs = Float64Array.from({ length: rows * columns }, random)
    const turned = Float64Array.from(
      { length: rows * columns },
      (_, e) => costs[(e % rows) * columns + Math.floor(e / rows)],
    )
    const solve = (data: Float64Array, n: number, m: number) =>
      backend().solve(toProblem(data, { rows: n, columns: m, solver: 'shortlist' }, false), {})
    const once = await solve(costs, rows, columns)
    const again = await solve(costs, rows, columns)
    expect(again.rowToColumn).toEqual(once.rowToColumn)
    expect(again.v).toEqual(once.v)
    const inverse = await solve(turned, columns, rows)
    expect(inverse.columnToRow).toEqual(once.rowToColumn)
    expect(inverse.cost).toBe(once.cost)
  })

  it.each([
    [0, 0],
    [0, 5],
    [5, 0],
  ])('of %d x %d are empty', async (rows, columns) => {
    const solution = await backend().solve(
      toProblem(new Float64Array(0), { rows, columns, solver: 'shortlist' }, false),
      {},
    )
    expect(solution.rowToColumn).toEqual(new Int32Array(rows).fill(-1))
    expect(solution.columnToRow).toEqual(new Int32Array(columns).fill(-1))
    expect(solution.cost).toBe(0)
    expect(solution.certificate.optimal).toBe(true)
  })

  it.each([
    ['NaN', [1, NaN, 2, 3], { rows: 2, columns: 2 }, 'COST_NAN', /row 0, column 1/],
    ['-Infinity', [1, 2, -Infinity, 3], { rows: 2, columns: 2 }, 'COST_NAN', /row 1, column 0/],
    [
      '+Infinity maximizing',
      [1, 2, Infinity, 3],
      { rows: 2, columns: 2, maximize: true },
      'COST_NAN',
      /row 1, column 0/,
    ],
    ['overflow', [1e308, 1, 1, 1e308], { rows: 2, columns: 2 }, 'COST_RANGE', /f64/],
    ['one column for two rows', [Infinity, 1, 9, Infinity, 1, Infinity, 1, 1, 1], { rows: 3, columns: 3 }, 'none', /./],
    [
      'Hall violator',
      [1, Infinity, Infinity, 1, Infinity, Infinity, 1, 1, 1],
      { rows: 3, columns: 3 },
      'INFEASIBLE',
      /row/,
    ],
  ])('with %s end in the right error', async (_, entries, options, code, message) => {
    for (const solver of ['jv', 'shortlist'] as const) {
      const solved = backend().solve(toProblem(Float64Array.from(entries), { ...options, solver }, false), {})
      if (code === 'none') expect((await solved).cost).toBe(11)
      else await expect(solved).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    }
  })
})
