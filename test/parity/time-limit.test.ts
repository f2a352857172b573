import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import { describeBackends } from '../helpers/backends.js'
import { mulberry32 } from '../helpers/random.js'

// Machol-Wien costs keep every solver busy for long.
const n = 700
const hard = Float64Array.from({ length: n * n }, (_, e) => (Math.floor(e / n) + 1) * ((e % n) + 1))

describeBackends('a time limit', (backend) => {
  for (const unmatchedCost of [Number.POSITIVE_INFINITY, 20_000]) {
    it.for(['jv', 'shortlist', 'auction'] as const)(
      `stops %s (unmatched cost ${unmatchedCost})`,
      async (solver, context) => {
        if (!backend().solvers.includes(solver)) context.skip()
        const options = { rows: n, columns: n, unmatchedCost, solver }
        const problem = toProblem(hard, { ...options, timeLimit: 0 }, false)
        const stopped = await backend().solve(problem, {})
        expect(stopped.timedOut).toBe(true)
        expect(stopped.certificate.optimal).toBe(false)
        const optimum = await backend().solve(toProblem(hard, options, false), {})
        expect(optimum.timedOut).toBe(false)
        // The bound is a true one, and the assignment a whole one.
        expect(stopped.certificate.dual).toBeLessThanOrEqual(optimum.cost)
        expect(stopped.cost).toBeGreaterThanOrEqual(optimum.cost)
        if (unmatchedCost === Number.POSITIVE_INFINITY) expect(new Set(stopped.rowToColumn).size).toBe(n)
        const judgement = certify({ ...options, costs: hard }, { rowToColumn: stopped.rowToColumn, prices: stopped.v })
        expect(Math.abs(judgement.primal - stopped.cost)).toBeLessThanOrEqual(judgement.roundingBound)
      },
    )
  }

  it('leaves a whole assignment of allowed pairs, whenever it comes', async () => {
    const random = mulberry32(5)
    for (let round = 0; round < 40; round++) {
      const [rows, columns] = [150 + Math.floor(random() * 60), 150 + Math.floor(random() * 60)]
      const costs = Float64Array.from({ length: rows * columns }, () => (random() < 0.9 ? Infinity : random()))
      for (let k = 0; k < Math.min(rows, columns); k++) costs[k * columns + ((k * 7) % columns)] = 5
      const options = { rows, columns, timeLimit: round * 1e-4 }
      const solved = await backend()
        .solve(toProblem(costs, options, false), {})
        .catch((error) => error)
      if (solved.code === 'INFEASIBLE') continue
      const pairs = [...solved.rowToColumn.entries()].filter(([, j]) => j >= 0)
      expect(pairs).toHaveLength(Math.min(rows, columns))
      expect(pairs.every(([i, j]) => costs[i * columns + j] < Infinity)).toBe(true)
      expect(new Set(pairs.map(([, j]) => j)).size).toBe(pairs.length)
      expect(solved.certificate.gap).toBeGreaterThanOrEqual(-solved.certificate.roundingBound)
      expect(solved.certificate.optimal || solved.timedOut).toBe(true)
    }
  })

  it('in time changes nothing', async () => {
    const random = mulberry32(6)
    const costs = Float64Array.from({ length: 60 * 60 }, random)
    const free = await backend().solve(toProblem(costs, {}, false), {})
    const limited = await backend().solve(toProblem(costs, { timeLimit: 1000 }, false), {})
    expect(limited.timedOut).toBe(false)
    expect(limited.rowToColumn).toEqual(free.rowToColumn)
    expect(limited.v).toEqual(free.v)
  })
})
