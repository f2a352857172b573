import type { ProblemOptions } from '../../src/assignment/problem.js'

/** A cost matrix with what is asked of it. */
export interface MatrixProblem {
  readonly costs: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
  readonly maximize: boolean
  readonly unmatchedCost: number
  /** Whether all costs and lambda are integers, so that the gap must be exactly 0. */
  readonly integer: boolean
}

export const optionsOf = ({ rows, columns, maximize, unmatchedCost }: MatrixProblem): ProblemOptions => ({
  rows,
  columns,
  maximize,
  unmatchedCost,
})

const families = ['uniform', 'ties', 'products', 'geometric', 'offsets', 'signed'] as const

/** A problem of 1..40 x 1..40 of a random family, type, magnitude, direction, lambda and pattern of forbidden pairs. */
export function randomProblem(random: () => number): MatrixProblem {
  const below = (n: number) => Math.floor(random() * n)
  const rows = 1 + below(40)
  const columns = below(3) === 0 ? rows : 1 + below(40)
  const family = families[below(families.length)]
  const integer = family === 'ties' || family === 'products'
  const double = below(2) === 0
  const magnitude = integer || below(3) > 0 ? 1 : 10 ** (below(61) - 30)
  const rowPart = Float64Array.from({ length: rows }, random)
  const columnPart = Float64Array.from({ length: columns }, random)
  const maximize = below(4) === 0
  const forbidden = below(4) === 0
  const costs = new (double ? Float64Array : Float32Array)(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const entry = {
        uniform: () => random(),
        ties: () => below(10),
        products: () => (i + 1) * (j + 1),
        geometric: () => (rowPart[i] - columnPart[j]) ** 2,
        offsets: () => 1000 * rowPart[i] + 1000 * columnPart[j] + (below(2) ? 0.001 * random() : 0),
        signed: () => random() - 0.5,
      }[family]()
      const barred = forbidden && below(5) === 0
      costs[i * columns + j] = barred ? (maximize ? -Infinity : Infinity) : entry * magnitude
    }
  }
  const finiteLambda = below(3) === 0
  const unmatchedCost = !finiteLambda ? Infinity : integer ? below(12) : Math.fround(random() * magnitude)
  return { costs, rows, columns, maximize, unmatchedCost, integer }
}
