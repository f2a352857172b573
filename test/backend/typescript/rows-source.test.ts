import { describe, expect, it } from 'vitest'
import { allocatePoints, type Points, pairCost, readPoints } from '../../../src/backend/typescript/points.js'
import { RowsSource } from '../../../src/backend/typescript/rows-source.js'
import { rowRange } from '../../../src/backend/typescript/source.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { rowMajor } from '../../../src/tensor/matrix.js'
import { mulberry32 } from '../../helpers/random.js'

function points(count: number, width: number, value: (i: number, k: number) => number): Points {
  const data = Float64Array.from({ length: count * width }, (_, e) => value(Math.floor(e / width), e % width))
  const matrix = rowMajor(data, 'f64', count, width)
  const rows = { blocks: [{ name: 'features' as const, matrix, scale: null }], count, width, index: null }
  const read = allocatePoints(rows)
  runAtOnce(readPoints(rows, read, 0, count))
  return read
}

const random = mulberry32(9)
const shared = Float64Array.from({ length: 600 }, () => random() - 0.5)
const families: [string, (i: number, k: number) => number][] = [
  ['independent', () => random() - 0.5],
  ['nearly equal', (_, k) => shared[k] * (1 + 2 ** -40 * random())],
  ['norms of 1e-4 to 1e4', (i) => (random() - 0.5) * 10 ** ((i % 9) - 4)],
  ['a large common offset', () => 1e6 + random()],
  ['tiny', () => (random() - 0.5) * 1e-160],
  ['huge', () => (random() - 0.5) * 1e140],
  ['zero rows', (i) => (i % 3 === 0 ? 0 : random())],
]

describe.each(families)('bounds of %s rows', (_, value) => {
  it.each([1, 17, 600])('hold at width %d', (width) => {
    const [a, b] = [points(20, width, value), points(31, width, value)]
    for (const negated of [false, true]) {
      const source = new RowsSource(a, b, negated, null)
      let visited = 0
      source.visit(rowRange(0, 20), (row, costs) => {
        visited++
        const slack = source.slack(row)
        const exact = Array.from(costs, (_, j) => (negated ? -1 : 1) * pairCost(a, row, b, j))
        expect(exact.map((_, j) => source.cost(row, j))).toEqual(exact)
        expect(exact.findIndex((value, j) => !(costs[j] <= value && value - costs[j] <= slack))).toBe(-1)
      })
      expect(visited).toBe(20)
      expect(source.exactCosts).toBe(20 * 31)
    }
  })
})

it('tells identical rows', () => {
  const source = new RowsSource(
    points(4, 5, (i, k) => (i === 3 ? k : i % 2)),
    points(4, 5, () => 1),
    false,
    null,
  )
  expect(source.identical(0, 2)).toBe(true)
  expect(source.identical(0, 1)).toBe(false)
  expect(source.identical(2, 3)).toBe(false)
})
