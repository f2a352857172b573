import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import type { SolverName } from '../../src/backend/backend.js'
import { describeBackends } from '../helpers/backends.js'
import { mulberry32 } from '../helpers/random.js'

interface Family {
  readonly name: string
  readonly rows: number
  readonly columns: number
  readonly cost: (i: number, j: number) => number
  /** The known optimum, or null where only the certificate decides. */
  readonly optimum: number | null
  /** The known unique or promised assignment. */
  readonly assignment?: (i: number) => number
  readonly maximize?: boolean
  readonly unmatchedCost?: number
}

const n = 70
const random = mulberry32(3)
const rowPart = Float64Array.from({ length: 2 * n }, random)
const columnPart = Float64Array.from({ length: 2 * n }, random)
const noise = Float64Array.from({ length: n * n }, random)
const line = (part: Float64Array) => part.slice(0, n).sort()
const wien = (m: number) => (m * (m + 1) * (m + 2)) / 6
const sum = (values: Float64Array) => values.reduce((total, x) => total + x, 0)

const families: Family[] = [
  {
    name: 'Machol-Wien',
    rows: n,
    columns: n,
    cost: (i, j) => (i + 1) * (j + 1),
    optimum: wien(n),
    assignment: (i) => n - 1 - i,
  },
  { name: 'Machol-Wien, wide', rows: 30, columns: n, cost: (i, j) => (i + 1) * (j + 1), optimum: wien(30) },
  { name: 'Machol-Wien, tall', rows: n, columns: 30, cost: (i, j) => (i + 1) * (j + 1), optimum: wien(30) },
  {
    name: 'Machol-Wien, maximized',
    rows: n,
    columns: n,
    cost: (i, j) => (i + 1) * (j + 1),
    optimum: (n * (n + 1) * (2 * n + 1)) / 6,
    assignment: (i) => i,
    maximize: true,
  },
  { name: 'circulant', rows: n, columns: n, cost: (i, j) => (j - i + n) % n, optimum: 0, assignment: (i) => i },
  {
    name: 'circulant, maximized',
    rows: n,
    columns: n,
    cost: (i, j) => (j - i + n) % n,
    optimum: n * (n - 1),
    assignment: (i) => (i + n - 1) % n,
    maximize: true,
  },
  { name: 'constant', rows: n, columns: n, cost: () => 2.5, optimum: 2.5 * n, assignment: (i) => i },
  { name: 'constant, wide', rows: 20, columns: n, cost: () => 2.5, optimum: 50, assignment: (i) => i },
  {
    name: 'geometric 1-d',
    rows: n,
    columns: n,
    cost: (i, j) => (rowPart[i] - columnPart[j]) ** 2,
    optimum: sum(line(rowPart).map((x, r) => (x - line(columnPart)[r]) ** 2)),
  },
  {
    name: 'geometric 2-d',
    rows: n,
    columns: n,
    cost: (i, j) => (rowPart[i] - columnPart[j]) ** 2 + (rowPart[n + i] - columnPart[n + j]) ** 2,
    optimum: null,
  },
  {
    name: 'rank 1',
    rows: n,
    columns: n,
    cost: (i, j) => rowPart[i] * columnPart[j],
    optimum: sum(line(rowPart).map((x, r) => x * line(columnPart)[n - 1 - r])),
  },
  { name: 'offsets', rows: n, columns: n, cost: (i, j) => i * 3 + j * 7, optimum: (10 * n * (n - 1)) / 2 },
  {
    name: 'hard offsets',
    rows: n,
    columns: n,
    cost: (i, j) =>
      1000 * Math.round(50 * rowPart[i]) + 1000 * Math.round(50 * columnPart[j]) + (i === j ? 0 : noise[i * n + j]),
    optimum:
      1000 *
      (sum(rowPart.slice(0, n).map((x) => Math.round(50 * x))) +
        sum(columnPart.slice(0, n).map((x) => Math.round(50 * x)))),
    assignment: (i) => i,
  },
  {
    name: 'forbidden but one',
    rows: n,
    columns: n,
    cost: (i, j) => (j === (i + 5) % n ? i : Infinity),
    optimum: (n * (n - 1)) / 2,
    assignment: (i) => (i + 5) % n,
  },
  {
    name: 'forbidden beside huge',
    rows: n,
    columns: n,
    cost: (i, j) => (i === j ? 1 : (i + j) % 3 === 0 ? Infinity : 1e30),
    optimum: n,
    assignment: (i) => i,
  },
  {
    name: 'lambda of 0',
    rows: n,
    columns: n,
    cost: (i, j) => 1 + noise[i * n + j],
    optimum: 0,
    assignment: () => -1,
    unmatchedCost: 0,
  },
  {
    name: 'lambda between',
    rows: n,
    columns: 50,
    cost: (i, j) => noise[i * n + j],
    optimum: null,
    unmatchedCost: 0.02,
  },
  { name: 'near ties', rows: n, columns: n, cost: (i, j) => 1 + ((i * 13 + j * 29) % 7) * 2 ** -52, optimum: null },
  { name: 'binary', rows: n, columns: n, cost: (i, j) => (noise[i * n + j] < 0.9 ? 1 : 0), optimum: null },
]

describeBackends('families', (backend) => {
  for (const solver of ['jv', 'shortlist'] satisfies SolverName[]) {
    it.each(families)(
      `$name by ${solver}`,
      async ({ rows, columns, cost, optimum, assignment, maximize = false, unmatchedCost = Infinity }) => {
        for (const power of [0, -300, 300]) {
          const costs = Float64Array.from(
            { length: rows * columns },
            (_, e) => cost(Math.floor(e / columns), e % columns) * 2 ** power,
          )
          const options = { rows, columns, maximize, unmatchedCost: unmatchedCost * 2 ** power, solver }
          const solution = await backend().solve(toProblem(costs, options, false), {})
          const prices = rows > columns ? solution.u : solution.v
          const judgement = certify({ ...options, costs }, { rowToColumn: solution.rowToColumn, prices })
          expect(judgement.violations).toEqual([])
          expect(solution.certificate.optimal).toBe(true)
          expect(solution.certificate.proof).toBe('full')
          expect(Math.abs(solution.cost - judgement.primal)).toBeLessThanOrEqual(judgement.roundingBound)
          if (optimum !== null) {
            expect(Math.abs(solution.cost - optimum * 2 ** power)).toBeLessThanOrEqual(
              judgement.roundingBound + 2 ** (power - 45) * Math.abs(optimum),
            )
          }
          if (assignment)
            expect(Array.from(solution.rowToColumn)).toEqual(Array.from({ length: rows }, (_, i) => assignment(i)))
        }
      },
    )
  }
})
