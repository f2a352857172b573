/** What decides how sure a match of n features of A with m of B is of its pairs; see the fields of `Match`. */
export interface Lead {
  readonly aToB: Int32Array
  /** [n] */
  readonly cost: Float64Array
  /** [n] */
  readonly margin: Float64Array
  /** [n] */
  readonly rankAToB: Int32Array
  /** [m] */
  readonly rankBToA: Int32Array
}

/**
 * [n] `margin / (cost + margin)`: 1 less the ratio of the partner's cost to that of the next best partner, as in Lowe's
 * ratio test (2004, section 7.1). 0 where another feature of B is as near to the feature, or another feature of A nearer
 * to its partner; 1 for a partner that is the same and has no double; NaN where unmatched or unknown.
 */
export function confidences({ aToB, cost, margin, rankAToB, rankBToA }: Lead): Float64Array {
  return Float64Array.from(aToB, (j, i) => {
    if (j < 0 || rankAToB[i] < 0) return Number.NaN
    if (rankAToB[i] > 0 || rankBToA[j] > 0) return 0
    // there is no other partner at all
    if (Number.isNaN(margin[i])) return 1
    return margin[i] > 0 ? margin[i] / (cost[i] + margin[i]) : 0
  })
}
