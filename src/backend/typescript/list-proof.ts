import type { Claim, Proof } from './audit.js'
import { certificateOf, signedPrices } from './audit.js'
import { differenceError, nextDown, sumRoundedDown } from './float.js'
import type { Market } from './market.js'

/**
 * The certificate from the solver's own lists and bounds, without looking at the matrix again: a listed column counts
 * with its cost, all others with the bound. Bounds speak of prices before their final shift, so they move with it.
 */
export function proveFromLists(claim: Claim, { lists, v: pricesOfLists, pool }: Market): Proof {
  const { source, unmatchedCost, rowToColumn } = claim
  const { v, shift: shiftOfSigns } = signedPrices(claim)
  const shift = pool === null ? shiftOfSigns : pool.level
  // Rounding may have left a shifted price above the exact one; where it was cut to its sign it lies below.
  let lowest = 0
  for (const price of pricesOfLists) lowest = Math.min(lowest, differenceError(price, shift, price - shift))

  const u = new Float64Array(source.rows)
  const pairCost = new Float64Array(source.rows)
  let minReducedCost = Number.POSITIVE_INFINITY
  for (let row = 0; row < source.rows; row++) {
    const list = lists.listOf[row]
    const bound = lists.bound[list]
    let least = bound === Number.POSITIVE_INFINITY ? bound : sumRoundedDown(bound, shift, lowest)
    const begin = lists.start[list]
    for (let e = begin; e < begin + lists.count[list]; e++) {
      const cost = lists.cost[e]
      const price = v[lists.column[e]]
      const difference = cost - price
      if (difference > least) continue
      least = differenceError(cost, price, difference) < 0 ? nextDown(difference) : difference
    }
    const column = rowToColumn[row]
    pairCost[row] = column < 0 ? unmatchedCost : source.cost(row, column)
    u[row] = Math.min(least, unmatchedCost)
    minReducedCost = Math.min(minReducedCost, least - u[row])
  }
  return { u, v, certificate: certificateOf({ rowToColumn, pairCost, u, v, minReducedCost, proof: 'shortlist' }) }
}
