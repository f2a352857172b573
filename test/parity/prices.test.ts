import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import { describeBackends } from '../helpers/backends.js'
import { optionsOf, randomProblem } from '../helpers/problems.js'
import { mulberry32 } from '../helpers/random.js'

describeBackends('starting from given prices', (backend) => {
  it('ends at the optimum, whatever the prices and the shape', () => {
    const random = mulberry32(5)
    for (let round = 0; round < 400; round++) {
      const problem = randomProblem(random)
      const options = { ...optionsOf(problem), solver: 'shortlist' } as const
      let cold: ReturnType<ReturnType<typeof backend>['solveSync']>
      try {
        cold = backend().solveSync(toProblem(problem.costs, options, true))
      } catch (error) {
        expect(error).toMatchObject({ code: 'INFEASIBLE' })
        continue
      }
      let size = 0
      for (const cost of problem.costs) if (Number.isFinite(cost)) size = Math.max(size, Math.abs(cost))
      const wild = (count: number) => Float64Array.from({ length: count }, () => 4 * size * (random() - 0.5))
      for (const prices of [cold, { u: wild(problem.rows), v: wild(problem.columns) }]) {
        const warm = backend().solveSync(toProblem(problem.costs, { ...options, prices }, true))
        const { violations } = certify(problem, {
          rowToColumn: warm.rowToColumn,
          prices: problem.rows > problem.columns ? warm.u : warm.v,
        })
        expect(violations, `round ${round}`).toEqual([])
        expect(warm.certificate.optimal).toBe(true)
        const bound = warm.certificate.roundingBound + cold.certificate.roundingBound
        expect(Math.abs(warm.cost - cold.cost)).toBeLessThanOrEqual(bound)
      }
    }
  })

  it('saves work where they are good', () => {
    const random = mulberry32(6)
    for (const [rows, columns] of [
      [500, 500],
      [400, 500],
      [500, 400],
    ]) {
      for (const maximize of [false, true]) {
        const costs = Float64Array.from({ length: rows * columns }, random)
        const options = { rows, columns, maximize, solver: 'shortlist' } as const
        const cold = backend().solveSync(toProblem(costs, options, true))
        const near = costs.map((cost) => cost + 1e-5 * random())
        const warm = backend().solveSync(toProblem(near, { ...options, prices: cold }, true))
        const again = backend().solveSync(toProblem(near, options, true))
        expect(Math.abs(warm.cost - again.cost)).toBeLessThanOrEqual(
          warm.certificate.roundingBound + again.certificate.roundingBound,
        )
        expect(warm.work.bids).toBeLessThan(0.7 * again.work.bids)
      }
    }
  })
})
