import type { Heap } from './heap.js'
import { createHeap, pop, push, replaceTopKey } from './heap.js'
import type { Market } from './market.js'
import { alone, bestOffer, boundOf, free, pooled, unassigned } from './market.js'

/**
 * One node for everything that stays unmatched. Think of it as `m - n` rows more that cost 0 with every column: with
 * them every column has an owner in the end. A row that goes out at the unmatched cost sends one more unit into the
 * pool, which then needs one more column. Its level V is the highest price: every column of the pool has price V
 * exactly, no other column lies above it, and rows see going out at lambda - V. So prices may start anywhere, fall by
 * bids and be carried from phase to phase in every shape; subtracting V at the end gives v <= 0, 0 on free columns,
 * and u = lambda on rows that stay alone.
 */
export interface Pool {
  /** V */
  level: number
  /** Columns the pool still has to take: m - n + rows alone - columns owned. */
  excess: number
  /** The columns it owns: the first `ownedCount`. */
  readonly owned: Int32Array
  ownedCount: number
  /** [m] where an owned column stands in `owned` */
  readonly position: Int32Array
  /** Columns it does not own by falling price, keys -v; keys may be out of date, then they are too low. */
  readonly byPrice: Heap
  /** Rows that are alone by rising reduced cost of their best column; keys may be out of date, then too low. */
  readonly aloneRows: Heap
}

/** A pool for n rows and m columns, or null where nothing can stay unmatched. */
export function createPool(rows: number, columns: number, unmatchedCost: number): Pool | null {
  if (rows === columns && unmatchedCost === Number.POSITIVE_INFINITY) return null
  return {
    level: Number.POSITIVE_INFINITY,
    excess: columns - rows,
    owned: new Int32Array(columns),
    ownedCount: 0,
    position: new Int32Array(columns),
    byPrice: createHeap(columns),
    aloneRows: createHeap(0),
  }
}

/** Drops everything the pool has; its level becomes the highest price. */
export function emptyPool(pool: Pool, v: Float64Array, rows: number): void {
  pool.excess = v.length - rows
  pool.ownedCount = 0
  pool.aloneRows.size = 0
  pool.level = v.reduce((level, price) => Math.max(level, price), Number.NEGATIVE_INFINITY)
}

/** Puts the columns that the pool does not own in order of price, for {@link bidOfPool}. */
export function orderByPrice({ byPrice }: Pool, { v, owner }: Market): void {
  byPrice.size = 0
  for (let j = 0; j < v.length; j++) if (owner[j] !== pooled) push(byPrice, -v[j], j)
}

/** What going out costs a row at present. */
export function outsideCost({ pool, unmatchedCost }: Market): number {
  return unmatchedCost === Number.POSITIVE_INFINITY ? unmatchedCost : unmatchedCost - pool!.level
}

/** Takes a column out of the pool, which then needs another. */
export function releaseColumn(pool: Pool, column: number): void {
  const at = pool.position[column]
  const last = pool.owned[--pool.ownedCount]
  pool.owned[at] = last
  pool.position[last] = at
  pool.excess++
}

/** Gives a column to the pool. */
export function takeColumn(pool: Pool, column: number): void {
  pool.position[column] = pool.ownedCount
  pool.owned[pool.ownedCount++] = column
  pool.excess--
}

/** Brings the prices of all its columns to a level. */
export function setLevel(pool: Pool, v: Float64Array, level: number): void {
  const { owned, ownedCount } = pool
  pool.level = level
  for (let p = 0; p < ownedCount; p++) v[owned[p]] = level
}

/** Sends a row out; `best` is the reduced cost of its best column. */
export function sendOut({ pool, partner }: Market, row: number, best: number): void {
  partner[row] = alone
  pool!.excess++
  push(pool!.aloneRows, best, row)
}

/**
 * The pool bids until it lacks nothing: it takes the highest-priced columns all at once, or sends rows back for which
 * some column has become better than going out, whichever is nearer to its level. The level falls to what it would
 * take next, less eps.
 * @param waiting gets the rows that have lost their column or come back
 */
export function bidOfPool(market: Market, eps: number, waiting: number[]): void {
  const { v, owner, partner } = market
  const pool = market.pool!
  let lowest = pool.level
  while (pool.excess > 0) {
    const price = highestPrice(pool, market)
    if (levelOfReturn(pool, market) > price) {
      const row = pop(pool.aloneRows)
      partner[row] = unassigned
      pool.excess--
      waiting.push(row)
    } else {
      const column = pop(pool.byPrice)
      const row = owner[column]
      lowest = price
      if (row !== free) {
        partner[row] = unassigned
        waiting.push(row)
      }
      owner[column] = pooled
      takeColumn(pool, column)
    }
  }
  const next = Math.max(highestPrice(pool, market), levelOfReturn(pool, market))
  setLevel(pool, v, Math.min(pool.level, next === Number.NEGATIVE_INFINITY ? lowest : next - eps))
}

/** The highest price among columns the pool does not own, which comes to the top of `byPrice`; -Infinity for none. */
function highestPrice({ byPrice }: Pool, { v, owner }: Market): number {
  while (byPrice.size > 0) {
    const column = byPrice.items[0]
    if (owner[column] === pooled) pop(byPrice)
    else if (byPrice.keys[0] < -v[column]) replaceTopKey(byPrice, -v[column])
    else return v[column]
  }
  return Number.NEGATIVE_INFINITY
}

/** The level below which some row that is alone would rather have a column again; -Infinity for none. */
function levelOfReturn({ aloneRows }: Pool, market: Market): number {
  while (aloneRows.size > 0) {
    const row = aloneRows.items[0]
    if (market.partner[row] !== alone) {
      pop(aloneRows)
      continue
    }
    const best = Math.min(bestOffer(market, row).best, boundOf(market, row))
    if (best <= aloneRows.keys[0]) return market.unmatchedCost - best
    replaceTopKey(aloneRows, best)
  }
  return Number.NEGATIVE_INFINITY
}
