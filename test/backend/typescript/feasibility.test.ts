import { describe, expect, it } from 'vitest'
import { completeMatching } from '../../../src/backend/typescript/feasibility.js'
import { MatrixSource } from '../../../src/backend/typescript/matrix-source.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { mulberry32 } from '../../helpers/random.js'

const names = { row: 'row', column: 'column' }
const x = Number.POSITIVE_INFINITY

function complete(costs: number[], rows: number, start = new Array<number>(rows).fill(-1), caller = names) {
  const source = new MatrixSource(Float64Array.from(costs), rows, costs.length / rows)
  return Array.from(runAtOnce(completeMatching(source, Int32Array.from(start), caller)))
}

/** The largest matching by augmenting paths, one row after the other. */
function largestMatching(costs: number[], rows: number, columns: number): number {
  const owner = new Array<number>(columns).fill(-1)
  const augment = (row: number, seen: Set<number>): boolean => {
    for (let j = 0; j < columns; j++) {
      if (costs[row * columns + j] === x || seen.has(j)) continue
      seen.add(j)
      if (owner[j] < 0 || augment(owner[j], seen)) {
        owner[j] = row
        return true
      }
    }
    return false
  }
  return Array.from({ length: rows }, (_, row) => augment(row, new Set())).filter(Boolean).length
}

describe('completeMatching', () => {
  it('agrees with plain augmenting paths on random patterns', () => {
    const random = mulberry32(12)
    let infeasible = 0
    for (let round = 0; round < 400; round++) {
      const rows = 1 + Math.floor(40 * random())
      const columns = rows + Math.floor(40 * random() * random())
      const density = 3 / columns
      const costs = Array.from({ length: rows * columns }, () => (random() < density ? 1 : x))
      if (largestMatching(costs, rows, columns) < rows) {
        infeasible++
        expect(() => complete(costs, rows)).toThrow(expect.objectContaining({ code: 'INFEASIBLE' }))
        continue
      }
      const partner = complete(costs, rows)
      expect(new Set(partner).size).toBe(rows)
      expect(partner.every((j, i) => costs[i * columns + j] === 1)).toBe(true)
    }
    expect(infeasible).toBeGreaterThan(50)
    expect(infeasible).toBeLessThan(350)
  })

  it('continues a matching along long alternating paths', () => {
    // Row i may have columns i and i + 1; all are one too far to the left, the last row has none.
    const n = 200
    const costs = Array.from({ length: n * n }, (_, e) => ([0, 1].includes((e % n) - Math.floor(e / n)) ? 1 : x))
    costs[(n - 1) * n] = 1
    const start = Array.from({ length: n }, (_, i) => (i < n - 1 ? i + 1 : -1))
    expect(new Set(complete(costs, n, start)).size).toBe(n)
  })

  it.each([
    [[x, x, 1, 1], 2, 'row 0 has no allowed column'],
    [[1, x, x, 1, x, x, 1, 1, 1], 3, 'row 1 and 1 other row have only 1 allowed column between them'],
    [[1, 1, x, x, 1, 1, x, x, 1, 1, x, x, 1, 1, 1, 1], 4, 'and 2 other rows have only 2 allowed columns between them'],
  ])('names a Hall violator: %j', (costs, rows, message) => {
    expect(() => complete(costs, rows)).toThrow(message)
  })

  it('speaks of the caller, whose matrix may have been transposed', () => {
    const caller = { row: 'column', column: 'row' }
    expect(() => complete([x, x, 1, 1], 2, undefined, caller)).toThrow('column 0 has no allowed row')
  })
})
