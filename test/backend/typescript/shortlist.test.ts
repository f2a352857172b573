import { describe, expect, it } from 'vitest'
import type { MatrixCosts, Solution } from '../../../src/backend/backend.js'
import { bid } from '../../../src/backend/typescript/bids.js'
import { sweep } from '../../../src/backend/typescript/lists.js'
import { alone, free, type Market, pooled } from '../../../src/backend/typescript/market.js'
import { MatrixSource } from '../../../src/backend/typescript/matrix-source.js'
import { orderByPrice } from '../../../src/backend/typescript/pool.js'
import { createMarket, resumeShortlist } from '../../../src/backend/typescript/shortlist.js'
import { type SolveOptions, solveMatrix } from '../../../src/backend/typescript/solve.js'
import { startingPrices } from '../../../src/backend/typescript/starting-prices.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import { mulberry32 } from '../../helpers/random.js'

const options: SolveOptions = {
  maximize: false,
  unmatchedCost: Infinity,
  solver: 'shortlist',
  neighbours: false,
  verify: 'full',
}

function matrix(rows: number, columns: number, cost: (i: number, j: number) => number): MatrixCosts {
  const data = Float64Array.from({ length: rows * columns }, (_, e) => cost(Math.floor(e / columns), e % columns))
  return { kind: 'matrix', data, rows, columns, rowStride: columns }
}

/** eps-complementary slackness of every row that has something, by looking at every column; violations in words. */
function violations({ source, v, owner, partner, pool, unmatchedCost }: Market, eps: number): string[] {
  const found: string[] = []
  const level = pool?.level ?? Infinity
  const outside = unmatchedCost === Infinity ? Infinity : unmatchedCost - level
  const slack = eps * (1 + 1e-12)
  source.visit(Array.from(partner.keys()), (row, costs) => {
    const least = costs.reduce((min, cost, j) => Math.min(min, cost - v[j]), outside)
    const own = partner[row] >= 0 ? costs[partner[row]] - v[partner[row]] : partner[row] === alone ? outside : null
    if (own !== null && own > least + slack) found.push(`row ${row}: ${own} against ${least}`)
    if (partner[row] >= 0 && owner[partner[row]] !== row) found.push(`row ${row} and its column disagree`)
  })
  owner.forEach((row, j) => {
    if (row === pooled && v[j] !== level) found.push(`pooled column ${j} is not at the level`)
    if (pool !== null && v[j] > level + slack) found.push(`column ${j} lies above the level`)
  })
  return found
}

describe('bids with eps', () => {
  it.each([
    ['square', 60, 60, Infinity],
    ['wide', 60, 150, Infinity],
    ['very wide', 5, 400, Infinity],
    ['square with lambda', 60, 60, 0.02],
    ['wide with lambda', 150, 400, 0.004],
    ['lambda below everything', 40, 40, -1],
  ])('keep eps-complementary slackness: %s', (_, rows, columns, unmatchedCost) => {
    const random = mulberry32(rows + columns)
    const { data } = matrix(rows, columns, () => random())
    const source = new MatrixSource(data, rows, columns)
    const market = createMarket(source, unmatchedCost, runAtOnce(startingPrices(source, unmatchedCost)))
    runAtOnce(sweep(market.lists, source, market.v))
    if (market.pool !== null) orderByPrice(market.pool, market)
    const eps = 2 ** -10
    const waiting = Array.from({ length: rows }, (_, i) => i)
    const left = runAtOnce(bid(market, waiting, eps, 1e6))
    expect(left).toEqual([])
    expect(market.owner.includes(free)).toBe(false)
    expect(market.pool?.excess ?? 0).toBe(0)
    expect(violations(market, eps)).toEqual([])
  })

  it('stop at their budget', () => {
    const { data } = matrix(50, 50, (i, j) => i * j)
    const source = new MatrixSource(data, 50, 50)
    const market = createMarket(source, Infinity, new Float64Array(50))
    runAtOnce(sweep(market.lists, source, market.v))
    const left = runAtOnce(
      bid(
        market,
        Array.from({ length: 50 }, (_, i) => i),
        2 ** -20,
        100,
      ),
    )
    expect(market.work.bids).toBe(100)
    expect(left.length).toBeGreaterThan(0)
    expect(new Set(left).size + market.partner.filter((column) => column >= 0).length).toBe(50)
  })
})

describe('the shortlist solver', () => {
  const solve = (costs: MatrixCosts, more: Partial<SolveOptions> = {}): Solution =>
    runAtOnce(solveMatrix(costs, { ...options, ...more }))

  it('takes few refreshes for identical rows', () => {
    const random = mulberry32(3)
    const [n, zeros] = [500, 200]
    const size = Float64Array.from({ length: n }, () => 1 + random())
    const costs = matrix(n, n, (i, j) => (i < zeros ? size[j] : size[j] + size[i] - random()))
    const { certificate, work } = solve(costs)
    expect(certificate.optimal).toBe(true)
    expect(work.refreshes).toBeLessThan(3 * n)
  })

  it('takes the whole scale of eps where short phases do not settle', () => {
    const n = 400
    const { cost, certificate, work } = solve(matrix(n, n, (i, j) => (i + 1) * (j + 1)))
    expect(cost).toBe((n * (n + 1) * (n + 2)) / 6)
    expect(certificate.gap).toBe(0)
    expect(work.labels).toBeLessThan(n * n)
  })

  it('proves the same from its lists as from every entry', () => {
    const random = mulberry32(8)
    for (const [rows, columns, unmatchedCost] of [
      [300, 300, Infinity],
      [200, 300, Infinity],
      [300, 200, 0.01],
    ]) {
      const costs = matrix(rows, columns, () => Math.floor(1000 * random()) / 1024)
      const full = solve(costs, { unmatchedCost })
      const fromLists = solve(costs, { unmatchedCost, verify: 'shortlist' })
      expect(full.certificate).toMatchObject({ proof: 'full', gap: 0, optimal: true })
      expect(fromLists.certificate).toMatchObject({ proof: 'shortlist', gap: 0, optimal: true })
      expect(fromLists.rowToColumn).toEqual(full.rowToColumn)
    }
  })

  it('finishes from any prices of the right signs and any matching', () => {
    const random = mulberry32(4)
    for (const [rows, columns, unmatchedCost] of [
      [40, 40, Infinity],
      [40, 60, Infinity],
      [40, 40, 0.1],
      [40, 60, 0.05],
    ]) {
      const costs = matrix(rows, columns, () => random())
      const source = new MatrixSource(costs.data, rows, columns)
      const signed = rows < columns || unmatchedCost < Infinity
      const rowToColumn = Int32Array.from({ length: rows }, (_, i) => (unmatchedCost < Infinity && i % 3 ? -1 : i))
      const taken = new Set(rowToColumn)
      const v = Float64Array.from({ length: columns }, (_, j) => (signed && !taken.has(j) ? 0 : -random()))
      const answer = runAtOnce(resumeShortlist({ source, unmatchedCost, rowToColumn, v }))
      const expected = solve(costs, { unmatchedCost })
      expect(answer.rowToColumn).toEqual(expected.rowToColumn)
    }
  })
})
