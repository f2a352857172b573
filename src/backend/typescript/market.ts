import type { Shortlists } from './lists.js'
import { refresh } from './lists.js'
import type { Pool } from './pool.js'
import type { CostSource } from './source.js'

/** In {@link Market.owner}: a column that neither a row nor the pool owns. */
export const free = -1
/** In {@link Market.owner}: a column of the pool. */
export const pooled = -2
/** In {@link Market.partner}: a row that has no column yet. */
export const unassigned = -1
/** In {@link Market.partner}: a row that has gone out at the unmatched cost. */
export const alone = -2

/** Prices and who has what: the state that all phases of the shortlist solver work on. Prices only ever fall. */
export interface Market {
  readonly source: CostSource
  readonly lists: Shortlists
  /** lambda, +Infinity where every row must be matched */
  readonly unmatchedCost: number
  /** [m] column prices */
  readonly v: Float64Array
  /** [m] the row that has the column, or {@link free} or {@link pooled} */
  readonly owner: Int32Array
  /** [n] the column of the row, or {@link unassigned} or {@link alone} */
  readonly partner: Int32Array
  /** [n] the exact cost of a matched row's pair */
  readonly partnerCost: Float64Array
  /** What stands for everything that stays unmatched; null where nothing can. */
  readonly pool: Pool | null
  readonly work: { bids: number; refreshes: number; labels: number }
}

/** The best entries of a row's list at present prices. */
export interface Offer {
  /** Where the best entry is in the list, -1 for an empty list. */
  entry: number
  /** Its reduced cost, exact. */
  best: number
  /** A lower bound of the reduced costs of all other listed columns; the second best where costs are exact. */
  second: number
}

const offer: Offer = { entry: -1, best: 0, second: 0 }

/**
 * The best two entries of a row's list. Among equals a free column comes first, then the lower index.
 * The returned object is used again by the next call.
 */
export function bestOffer({ lists, source, v, owner }: Market, row: number): Offer {
  const { column, cost, exact } = lists
  const list = lists.listOf[row]
  const begin = lists.start[list]
  const end = begin + lists.count[list]
  while (true) {
    let best = Number.POSITIVE_INFINITY
    let second = Number.POSITIVE_INFINITY
    let entry = -1
    for (let e = begin; e < end; e++) {
      const r = cost[e] - v[column[e]]
      if (r < best) {
        second = best
        best = r
        entry = e
      } else if (r < second) {
        second = r
        if (r === best && owner[column[e]] === free && owner[column[entry]] !== free) entry = e
      }
    }
    if (entry < 0 || exact === null || exact[entry] === 1) {
      offer.entry = entry
      offer.best = best
      offer.second = second
      return offer
    }
    cost[entry] = source.cost(row, column[entry])
    exact[entry] = 1
  }
}

/** No column that the row has not listed has a reduced cost below this. */
export function boundOf({ lists }: Market, row: number): number {
  return lists.bound[lists.listOf[row]]
}

/** {@link bestOffer} after making sure that no unlisted column lies below the best by more than `tolerance`. */
export function bestOfferOfAll(market: Market, row: number, outside: number, tolerance: number): Offer {
  const { lists, source, v, work } = market
  const found = bestOffer(market, row)
  if (Math.min(found.best, outside) <= boundOf(market, row) + tolerance) return found
  refresh(lists, source, row, v)
  work.refreshes++
  return bestOffer(market, row)
}
