import { push } from './heap.js'
import type { Market } from './market.js'
import { bestOfferOfAll, free, pooled, unassigned } from './market.js'
import { bidOfPool, outsideCost, releaseColumn, sendOut } from './pool.js'
import type { Steps } from './steps.js'

const bidsPerSlice = 4096

/**
 * Rows without a column bid for one, one after the other (Gauss-Seidel auction): a row takes its best column and lowers
 * its price until the row would nearly rather have the second best, the previous owner bids next. What a row has not
 * listed lies above its bound, so the bound serves as second best where it is nearer; a list is made anew only when
 * its best entry lies above the bound by more than half of eps.
 *
 * With eps > 0 prices end eps-complementary. With eps = 0 this is augmenting row reduction: a row that could only take
 * another's column at the same price is left for the search of shortest paths.
 * @param waiting the rows to begin with, the last one first
 * @param budget at most this many bids
 * @returns the rows that are still without a column
 */
export function* bid(market: Market, waiting: number[], eps: number, budget: number): Steps<number[]> {
  const left: number[] = []
  const last = market.work.bids + budget
  while (!bidSome(market, waiting, left, eps, last)) yield
  return left.concat(waiting)
}

/**
 * Up to `bidsPerSlice` bids. Rows that cannot bid go from `waiting` to `left`. Returns whether nobody bids any more, or
 * the work counter has reached `last`.
 */
function bidSome(market: Market, waiting: number[], left: number[], eps: number, last: number): boolean {
  const { lists, v, owner, partner, partnerCost, pool, work } = market
  const { listOf, column, cost, bound } = lists
  // The pool waits until it lacks several columns: its bid touches all of its columns.
  const patience = 1 + (market.source.rows >> 6)
  const sliceEnds = Math.min(last, work.bids + bidsPerSlice)
  while (true) {
    if (eps > 0 && pool !== null && pool.excess > 0 && (pool.excess >= patience || waiting.length === 0)) {
      bidOfPool(market, eps, waiting)
    }
    if (waiting.length === 0) return true
    if (work.bids >= sliceEnds) return work.bids >= last
    work.bids++
    const row = waiting.pop()!

    const outside = outsideCost(market)
    const { entry, best, second } = bestOfferOfAll(market, row, outside, eps / 2)
    if (outside < best) {
      sendOut(market, row, best)
      continue
    }
    // Only where costs are bounds can the best exact cost still lie above the bound.
    if (eps === 0 && best > bound[listOf[row]]) {
      left.push(row)
      continue
    }
    const j = column[entry]
    const next = Math.min(second, bound[listOf[row]], outside)
    // Where there is no other choice any price will do.
    const price = next === Number.POSITIVE_INFINITY ? v[j] - eps : v[j] - Math.max(0, next - best) - eps
    const previous = owner[j]
    if (previous !== free && !(price < v[j])) {
      left.push(row)
      continue
    }
    if (previous === pooled) {
      releaseColumn(pool!, j)
      push(pool!.byPrice, -price, j)
    } else if (previous !== free) {
      partner[previous] = unassigned
      waiting.push(previous)
    }
    v[j] = price
    owner[j] = row
    partner[row] = j
    partnerCost[row] = cost[entry]
  }
}
