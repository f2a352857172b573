import type { RowSign } from '../backend.js'
import { oppositePoint, type Points, pairCost } from './points.js'
import { formCosts, type Norms } from './rows-source.js'
import { rowRange } from './source.js'

/** The nearest found so far of one row, by rising cost, the lower index among equals. */
interface Found {
  readonly index: Int32Array
  readonly cost: Float64Array
}

/** Two sets of points, and where what every point of `a` finds nearest in `b` goes. */
export interface NearestArguments {
  readonly a: Points
  readonly b: Points
  readonly count: number
  readonly sign: RowSign
  /** [a.count, count] */
  readonly index: Int32Array
  /** [a.count, count] */
  readonly cost: Float64Array
}

/**
 * Does it for points begin .. end - 1 of `a`, at most `productRows` of them.
 *
 * @param norms those of `boundingNorms`
 * @param bounds [productRows, b.count] scratch
 */
export function findNearest(
  { a, b, count, sign, index, cost }: NearestArguments,
  begin: number,
  end: number,
  norms: Norms,
  bounds: Float64Array,
): void {
  formCosts(a, rowRange(begin, end), b, norms, bounds, sign)
  for (let i = begin; i < end; i++) {
    const found = {
      index: index.subarray(i * count, (i + 1) * count).fill(-1),
      cost: cost.subarray(i * count, (i + 1) * count).fill(Number.POSITIVE_INFINITY),
    }
    const opposite = sign === 'either' ? oppositePoint(a, i) : null
    const exact = (j: number) => {
      const cost = pairCost(a, i, b, j)
      return opposite === null ? cost : Math.min(cost, pairCost(opposite, 0, b, j))
    }
    const start = (i - begin) * b.count
    // A bound above the dearest one found rules a row out; all others are made exact.
    for (let j = 0; j < b.count; j++) {
      if (bounds[start + j] <= found.cost[count - 1]) insert(found, j, exact(j))
    }
  }
}

/** Indices come in rising order, so an equal cost goes behind those that are there. */
function insert({ index, cost }: Found, j: number, value: number): void {
  let k = cost.length - 1
  if (!(value < cost[k])) return
  for (; k > 0 && value < cost[k - 1]; k--) {
    cost[k] = cost[k - 1]
    index[k] = index[k - 1]
  }
  cost[k] = value
  index[k] = j
}
