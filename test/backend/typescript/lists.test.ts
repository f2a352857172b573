import { describe, expect, it } from 'vitest'
import { emptyShortlists, refresh, type Shortlists, sweep } from '../../../src/backend/typescript/lists.js'
import { MatrixSource } from '../../../src/backend/typescript/matrix-source.js'
import { startingPrices } from '../../../src/backend/typescript/starting-prices.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { mulberry32 } from '../../helpers/random.js'

const random = mulberry32(2)

const families: [string, (i: number, j: number, m: number) => number][] = [
  ['uniform', () => random()],
  ['ascending', (i, j) => i + j],
  ['descending', (i, j, m) => m - j + i],
  ['all equal', () => 1],
  ['binary', () => Math.floor(2 * random())],
  ['mostly forbidden', () => (random() < 0.97 ? Infinity : random())],
  ['periodic', (_, j) => j % 8],
  ['inexact differences', () => 0.1 * Math.floor(10 * random())],
]

function sourceOf(n: number, m: number, cost: (i: number, j: number, m: number) => number) {
  const data = Float64Array.from({ length: n * m }, (_, e) => cost(Math.floor(e / m), e % m, m))
  return { data, source: new MatrixSource(data, n, m) }
}

function entriesOf({ listOf, start, count, column, cost }: Shortlists, row: number) {
  const begin = start[listOf[row]]
  return Array.from({ length: count[listOf[row]] }, (_, e) => ({ j: column[begin + e], cost: cost[begin + e] }))
}

describe.each(families)('lists of %s costs', (_, cost) => {
  it.each([3, 97, 128, 129, 500, 2000])('hold the best of %d columns', (m) => {
    const n = 12
    const { data, source } = sourceOf(n, m, cost)
    const v = Float64Array.from({ length: m }, () => (random() < 0.5 ? 0 : 0.1 * random()))
    const lists = emptyShortlists(source, true)
    runAtOnce(sweep(lists, source, v))
    refresh(lists, source, 5, v)
    for (let row = 0; row < n; row++) {
      const entries = entriesOf(lists, row)
      const bound = lists.bound[lists.listOf[row]]
      const listed = new Set(entries.map(({ j }) => j))
      expect(listed.size).toBe(entries.length)
      expect(entries.map(({ j }) => j)).toEqual([...listed].sort((x, y) => x - y))
      const costs = data.subarray(row * m, (row + 1) * m)
      const finite = costs.filter((value) => value < Infinity).length
      expect(costs.findIndex((value, j) => !listed.has(j) && value - v[j] < bound)).toBe(-1)
      expect(entries.filter((entry) => entry.cost !== costs[entry.j] || entry.cost === Infinity)).toEqual([])
      if (finite > 0) expect(entries.length).toBeGreaterThan(0)
      // Short where there is a choice, and whole where there is none.
      if (m <= 128) expect(entries.length).toBe(finite)
      if (lists.groups.size === 0) expect(entries.length).toBeLessThanOrEqual(128)
    }
  })
})

it('gives identical rows one list with a column for each, and tells near ones apart', () => {
  const [n, m] = [200, 400]
  const { source } = sourceOf(n, m, (i, j) => (i % 2 === 0 ? (j * 37) % 101 : ((i * j) % 89) + (i === 7 ? 0.5 : 0)))
  const lists = emptyShortlists(source, true)
  const v = new Float64Array(m)
  runAtOnce(sweep(lists, source, v))
  const even = Array.from({ length: n / 2 }, (_, i) => 2 * i)
  expect(lists.groups.get(0)).toEqual(even)
  for (const row of even) expect(lists.listOf[row]).toBe(0)
  expect(lists.count[0]).toBeGreaterThanOrEqual(even.length)
  for (let row = 1; row < n; row += 2) {
    const first = row === 7 ? 7 : row % 89 === 7 ? 96 : row
    if (row !== 7 && row % 89 !== 7 && row < 89) expect(lists.listOf[row]).toBe(first)
  }
})

describe('startingPrices', () => {
  it('are a low quantile of every column, not its minimum, over finite entries', () => {
    const n = 1000
    const { source } = sourceOf(n, 3, (i, j) => (j === 2 && i % 2 ? Infinity : i === 0 ? -1e9 : i))
    const prices = runAtOnce(startingPrices(source, Infinity))
    for (const price of prices) {
      expect(price).toBeGreaterThan(0)
      expect(price).toBeLessThan(n / 10)
    }
  })

  it('are finite where a column has no finite cost, and no higher than lambda', () => {
    const { source } = sourceOf(4, 2, (_, j) => (j === 0 ? Infinity : 5))
    expect(Array.from(runAtOnce(startingPrices(source, Infinity)))).toEqual([5, 5])
    expect(Array.from(runAtOnce(startingPrices(source, 3)))).toEqual([3, 3])
    const { source: nothing } = sourceOf(2, 2, () => Infinity)
    expect(Array.from(runAtOnce(startingPrices(nothing, Infinity)))).toEqual([0, 0])
  })
})
