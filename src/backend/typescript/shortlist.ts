import type { Answer } from './answer.js'
import type { Claim } from './audit.js'
import { bid } from './bids.js'
import { emptyShortlists, sweep } from './lists.js'
import type { Market } from './market.js'
import { alone, bestOfferOfAll, boundOf, free, pooled, unassigned } from './market.js'
import { augment } from './paths.js'
import {
  bidOfPool,
  createPool,
  emptyPool,
  orderByPrice,
  outsideCost,
  releaseColumn,
  setLevel,
  takeColumn,
} from './pool.js'
import type { CostSource } from './source.js'
import { startingPrices } from './starting-prices.js'
import type { Steps } from './steps.js'

/** The eps of a first, short phase in median widths of the lists: for most problems it is all that is needed. */
const shortEps = 1 / 80
/** Where rows have few allowed columns, paths are long: further phases, each so much finer than the one before. */
const fallOverFewColumns = 16
const phasesOverFewColumns = 3
/** Where that did not settle, the costs want the whole scale: large steps first. */
const longEps = [2, 1 / 4, 1 / 32]
/** Bids that a row may make on average in a phase. */
const shortBids = 20
const longBids = 200
const rowsPerSlice = 256

/**
 * The shortlist Jonker-Volgenant solver (docs/method.md#the-shortlist-solver): starting prices from quantiles,
 * lists by reduced cost, a few short phases of an auction with falling eps, and an exact finish by shortest augmenting
 * paths.
 * @param prices of the columns to start from instead; written to
 */
export function* solveShortlist(source: CostSource, unmatchedCost: number, prices: Float64Array | null): Steps<Answer> {
  const market = createMarket(source, unmatchedCost, prices ?? (yield* startingPrices(source, unmatchedCost)))
  yield* sweep(market.lists, source, market.v)

  const width = medianWidth(market)
  if (width > 0) {
    const settled = yield* auction(market, powerOfTwoBelow(width * shortEps), shortBids, false)
    for (const [phase, part] of settled ? [] : longEps.entries()) {
      yield* auction(market, powerOfTwoBelow(width * part), longBids, phase % 2 === 0)
    }
    const further = source.entries < source.rows * source.columns ? phasesOverFewColumns : 0
    for (let phase = 0; phase < further; phase++) {
      const part = (settled ? shortEps : longEps[longEps.length - 1]) / fallOverFewColumns ** (phase + 1)
      yield* auction(market, powerOfTwoBelow(width * part), longBids, phase % 2 === 0)
    }
  }
  yield* finishExactly(market)
  return answerOf(market)
}

/** From an assignment that is nearly optimal, with prices of the right signs, to the optimum. */
export function* resumeShortlist({ source, unmatchedCost, rowToColumn, v }: Claim): Steps<Answer> {
  const market = createMarket(source, unmatchedCost, v.slice())
  const { owner, partner, partnerCost, pool, lists } = market
  for (let row = 0; row < source.rows; row++) {
    const column = rowToColumn[row]
    if (column >= 0) {
      owner[column] = row
      partner[row] = column
      partnerCost[row] = source.cost(row, column)
    } else if (pool !== null && unmatchedCost < Number.POSITIVE_INFINITY) {
      partner[row] = alone
      pool.excess++
    }
  }
  if (pool !== null) {
    setLevel(pool, v, 0)
    for (let j = 0; j < v.length; j++) {
      if (owner[j] !== free) continue
      owner[j] = pooled
      takeColumn(pool, j)
    }
  }
  yield* sweep(lists, source, market.v)
  yield* finishExactly(market)
  return answerOf(market)
}

/** Prices are shifted so that the pool, where there is one, lies at 0. */
function answerOf(market: Market): Answer {
  const { partner, v, pool, work } = market
  const level = pool?.level ?? 0
  return {
    rowToColumn: partner.map((column) => Math.max(column, -1)),
    v: v.map((price) => price - level),
    market,
    ...work,
  }
}

/** Nobody has anything yet. */
export function createMarket(source: CostSource, unmatchedCost: number, v: Float64Array): Market {
  const pool = createPool(source.rows, source.columns, unmatchedCost)
  if (pool !== null) emptyPool(pool, v, source.rows)
  return {
    source,
    // Or all rows would compete for the same few columns.
    lists: emptyShortlists(source, true),
    unmatchedCost,
    v,
    owner: new Int32Array(source.columns).fill(free),
    partner: new Int32Array(source.rows).fill(unassigned),
    partnerCost: new Float64Array(source.rows),
    pool,
    work: { bids: 0, refreshes: 0, labels: 0 },
  }
}

/** One phase: everybody starts without a column, prices are kept. Returns whether all got one within the budget. */
function* auction(market: Market, eps: number, bidsPerRow: number, reversed: boolean): Steps<boolean> {
  const { source, v, owner, partner, pool } = market
  owner.fill(free)
  partner.fill(unassigned)
  if (pool !== null) {
    emptyPool(pool, v, source.rows)
    orderByPrice(pool, market)
  }
  const waiting = Array.from(partner, (_, i) => (reversed ? source.rows - 1 - i : i))
  const left = yield* bid(market, waiting, eps, bidsPerRow * source.rows)
  return left.length === 0
}

/**
 * From any prices and any matching to the optimum: pairs that are not tight are parted, rows bid once more with
 * eps = 0, and what is left is brought home by shortest paths.
 */
function* finishExactly(market: Market): Steps<void> {
  const { source, lists, owner, v, pool } = market
  if (pool !== null) {
    for (let j = 0; j < v.length; j++) if (v[j] > pool.level) v[j] = pool.level
  }
  for (const [list, rows] of lists.groups) levelGroup(market, list, rows)
  const waiting: number[] = []
  for (let end = source.rows; end > 0; end -= rowsPerSlice) {
    partLoosePairs(market, Math.max(0, end - rowsPerSlice), end, waiting)
    yield
  }
  if (pool !== null) {
    while (pool.excess < 0) {
      const column = pool.owned[pool.ownedCount - 1]
      releaseColumn(pool, column)
      owner[column] = free
    }
    if (pool.excess > 0) {
      orderByPrice(pool, market)
      bidOfPool(market, 0, waiting)
    }
  }
  const left = yield* bid(market, waiting, 0, 2 * source.rows)
  yield* augment(market, left)
}

/** Takes rows begin .. end - 1 from what is not their best choice, and puts them on `waiting`, the last one first. */
function partLoosePairs(market: Market, begin: number, end: number, waiting: number[]): void {
  const { owner, partner, partnerCost, v, pool } = market
  const outside = outsideCost(market)
  for (let row = end - 1; row >= begin; row--) {
    const { best } = bestOfferOfAll(market, row, outside, 0)
    const u = Math.min(best, outside, boundOf(market, row))
    const j = partner[row]
    const own = j === unassigned ? Number.POSITIVE_INFINITY : j === alone ? outside : partnerCost[row] - v[j]
    if (own <= u) continue
    if (j === alone) pool!.excess--
    else if (j !== unassigned) owner[j] = free
    partner[row] = unassigned
    waiting.push(row)
  }
}

/**
 * Lowers the prices of a group's columns until all its rows are as well off as the worst of them, or as the best column
 * outside would make them: bids with eps left them up to eps apart, and nearly all would be parted as not tight.
 */
function levelGroup({ source, lists, owner, partner, partnerCost, v }: Market, list: number, rows: number[]): void {
  let level = Number.NEGATIVE_INFINITY
  for (const row of rows) {
    if (partner[row] >= 0) level = Math.max(level, partnerCost[row] - v[partner[row]])
  }
  source.visit([list], (_, costs, columns) => {
    for (let e = 0; e < costs.length; e++) {
      const j = columns === null ? e : columns[e]
      if (costs[e] - v[j] < level && (owner[j] < 0 || lists.listOf[owner[j]] !== list)) level = costs[e] - v[j]
    }
  })
  for (const row of rows) {
    const column = partner[row]
    if (column >= 0 && partnerCost[row] - v[column] < level) v[column] = partnerCost[row] - level
  }
}

/**
 * The median distance from the best entry of a list to its bound, or to its dearest entry where the list is whole, over
 * the lists that have a positive finite one.
 */
function medianWidth({ lists, source, v }: Market): number {
  const widths: number[] = []
  for (let row = 0; row < source.rows; row++) {
    let best = Number.POSITIVE_INFINITY
    const list = lists.listOf[row]
    const begin = lists.start[list]
    let dearest = Number.NEGATIVE_INFINITY
    for (let e = begin; e < begin + lists.count[list]; e++) {
      const reduced = lists.cost[e] - v[lists.column[e]]
      best = Math.min(best, reduced)
      dearest = Math.max(dearest, reduced)
    }
    const width = (lists.bound[list] === Number.POSITIVE_INFINITY ? dearest : lists.bound[list]) - best
    if (width > 0 && width < Number.POSITIVE_INFINITY) widths.push(width)
  }
  if (widths.length === 0) return 0
  return Float64Array.from(widths).sort()[widths.length >> 1]
}

function powerOfTwoBelow(value: number): number {
  return 2 ** Math.floor(Math.log2(value))
}
