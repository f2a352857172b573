import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { solveAssignmentSync } from '../../src/assignment/solve.js'
import { mulberry32 } from '../helpers/random.js'

const isCompiled = existsSync(new URL('../../dist/assignment/certificate.js', import.meta.url))
const { wrongWithCosts, wrongWithMatching, wrongWithSolution } = isCompiled
  ? await import(new URL('../../bench/check.mjs', import.meta.url).href)
  : {}

const random = mulberry32(1)
const [rows, columns, width] = [12, 15, 6]
const features = (count: number) => ({
  data: Float32Array.from({ length: count * width }, () => random() - 0.5),
  shape: [count, width],
})
const [a, b] = [features(rows), features(columns)]
const costs = Float64Array.from({ length: rows * columns }, (_, e) => {
  const [i, j] = [Math.floor(e / columns), e % columns]
  let square = 0
  for (let k = 0; k < width; k++) square += (a.data[i * width + k] - b.data[j * width + k]) ** 2
  return square
})
const matrix = { data: costs, rows, columns }
const solution = solveAssignmentSync(costs, { rows, columns, backend: 'typescript' })
/** The partners of the first two rows exchanged. */
const swapped = {
  ...solution,
  rowToColumn: solution.rowToColumn.map((_, i, all) => all[i < 2 ? 1 - i : i]),
}

describe.skipIf(!isCompiled)('the checks of a bench', () => {
  it('let what is right pass', () => {
    expect(wrongWithSolution(matrix, solution)).toBeNull()
    expect(wrongWithMatching(a, b, solution)).toBeNull()
    expect(wrongWithCosts(a, b, Float32Array.from(costs))).toBeNull()
  })

  it('refuse an assignment that is not the optimum, whatever its own certificate says', () => {
    expect(swapped.certificate.optimal).toBe(true)
    expect(wrongWithSolution(matrix, swapped)).toMatch(/refuted/)
    expect(wrongWithMatching(a, b, swapped)).toMatch(/its cost is off/)
    const twice = { ...solution, rowToColumn: solution.rowToColumn.slice().fill(0) }
    expect(wrongWithMatching(a, b, twice)).toMatch(/one-to-one/)
  })

  it('refuse a cost matrix with a wrong entry', () => {
    const formed = Float32Array.from(costs)
    formed[7 * columns + 3] += 1e-3
    expect(wrongWithCosts(a, b, formed)).toMatch(/entry \(7, 3\)/)
    expect(wrongWithCosts(a, b, formed.subarray(1))).toMatch(/entries/)
  })
})
