import type { Certificate } from '../backend.js'
import { compensatedSum, differenceError, nextDown } from './float.js'
import type { CostSource, RowVisitor } from './source.js'
import { pricesOf, rowRange, rowsPerSlice } from './source.js'
import type { Steps } from './steps.js'

/** An assignment whose optimality is to be proved, n <= m, minimisation. */
export interface Claim {
  readonly source: CostSource
  /** lambda */
  readonly unmatchedCost: number
  /** [n], -1 where unmatched */
  readonly rowToColumn: Int32Array
  /** [m] any column prices */
  readonly v: Float64Array
}

export interface Proof {
  /** [n] */
  readonly u: Float64Array
  /** [m] */
  readonly v: Float64Array
  readonly certificate: Certificate
}

/**
 * A lower bound of the optimum from the column prices alone, by one pass over every entry: prices are brought to their
 * signs, then `u_i = min(lambda, min_j (c_ij - v_j))` rounded down, so that no reduced cost is negative.
 * See docs/method.md#what-a-certificate-proves. Exact entries are asked for only where a lower bound could be the least
 * of its row.
 */
export function* audit(claim: Claim, also?: RowVisitor): Steps<Proof> {
  const { source, unmatchedCost, rowToColumn } = claim
  const { rows } = source
  const { v } = signedPrices(claim)
  if (unmatchedCost < Number.POSITIVE_INFINITY) yield* holdLoneRows(claim, v)
  const u = new Float64Array(rows)
  const pairCost = new Float64Array(rows)
  let minReducedCost = Number.POSITIVE_INFINITY

  const auditRow: RowVisitor = (row, costs, columns) => {
    const partner = rowToColumn[row]
    pairCost[row] = partner < 0 ? unmatchedCost : source.cost(row, partner)
    const least = source.exact
      ? leastReduced(costs, pricesOf(v, columns))
      : // The partner's exact value keeps most of the others from being computed.
        leastReducedOfBounds(
          source,
          row,
          costs,
          v,
          partner < 0 ? Number.POSITIVE_INFINITY : nextUp(pairCost[row] - v[partner]),
        )
    u[row] = Math.min(least, unmatchedCost)
    minReducedCost = Math.min(minReducedCost, least - u[row])
    also?.(row, costs, columns)
  }

  const step = rowsPerSlice(source)
  for (let begin = 0; begin < rows; begin += step) {
    const end = Math.min(begin + step, rows)
    source.visit(rowRange(begin, end), auditRow)
    yield { phase: 'verify', done: end, total: rows }
  }
  return { u, v, certificate: certificateOf({ rowToColumn, pairCost, u, v, minReducedCost, proof: 'full' }) }
}

/** min_j (c_j - v_j) rounded down; +Infinity where every pair is forbidden. */
function leastReduced(costs: Float64Array, v: Float64Array): number {
  const columns = costs.length
  const last = columns - 4
  let least = Number.POSITIVE_INFINITY
  let below = false
  for (let j = 0; j < columns; j++) {
    // Four at a time as long as none of them is a new minimum.
    while (
      j <= last &&
      costs[j] - v[j] > least &&
      costs[j + 1] - v[j + 1] > least &&
      costs[j + 2] - v[j + 2] > least &&
      costs[j + 3] - v[j + 3] > least
    ) {
      j += 4
    }
    if (j === columns) break
    const difference = costs[j] - v[j]
    if (difference > least) continue
    // NaN, hence false, for forbidden pairs.
    const roundedUp = differenceError(costs[j], v[j], difference) < 0
    below = difference < least ? roundedUp : below || roundedUp
    least = difference
  }
  return below ? nextDown(least) : least
}

/** {@link leastReduced} of the exact costs, given lower bounds of them and a value that the result is below. */
function leastReducedOfBounds(
  source: CostSource,
  row: number,
  bounds: Float64Array,
  v: Float64Array,
  above: number,
): number {
  let least = above
  let below = false
  for (let j = 0; j < bounds.length; j++) {
    if (bounds[j] - v[j] > least) continue
    const cost = source.cost(row, j)
    const difference = cost - v[j]
    if (difference > least) continue
    const roundedUp = differenceError(cost, v[j], difference) < 0
    below = difference < least ? roundedUp : below || roundedUp
    least = difference
  }
  return below ? nextDown(least) : least
}

/**
 * Prices with the signs that their shape asks for: v <= 0 and 0 on free columns, or a median of 0 where v is free.
 * `shift` is what was subtracted from every price before any was cut to its sign.
 */
export function signedPrices({ source, unmatchedCost, rowToColumn, v }: Claim): { v: Float64Array; shift: number } {
  if (source.rows === source.columns && unmatchedCost === Number.POSITIVE_INFINITY) {
    const median = v.slice().sort()[v.length >> 1]
    return { v: v.map((price) => price - median), shift: median }
  }
  const signed = new Float64Array(v.length)
  for (const column of rowToColumn) if (column >= 0) signed[column] = Math.min(v[column], 0)
  return { v: signed, shift: 0 }
}

/**
 * Lowers prices of matched columns just so far that rows that stay alone keep u = lambda exactly: rounding in the
 * solver may have left one of their reduced costs a last digit below.
 */
function* holdLoneRows({ source, unmatchedCost, rowToColumn }: Claim, v: Float64Array): Steps<void> {
  const matched = new Uint8Array(source.columns)
  for (const column of rowToColumn) if (column >= 0) matched[column] = 1
  const loneRows = Array.from(rowToColumn.keys()).filter((row) => rowToColumn[row] < 0)
  const step = rowsPerSlice(source)
  for (let begin = 0; begin < loneRows.length; begin += step) {
    source.visit(loneRows.slice(begin, begin + step), (row, costs, columns) => {
      for (let e = 0; e < costs.length; e++) {
        const j = columns === null ? e : columns[e]
        if (costs[e] - v[j] > unmatchedCost || matched[j] === 0) continue
        const cost = source.exact ? costs[e] : source.cost(row, j)
        const highest = cost - unmatchedCost
        const price = differenceError(cost, unmatchedCost, highest) < 0 ? nextDown(highest) : highest
        if (price < v[j]) v[j] = price
      }
    })
    yield
  }
}

/** See docs/method.md#what-a-certificate-proves. A row that stays alone counts with its unmatched cost. */
export function certificateOf(parts: {
  readonly rowToColumn: Int32Array
  /** [n] the cost of each row's pair, the unmatched cost where it is alone */
  readonly pairCost: Float64Array
  readonly u: Float64Array
  readonly v: Float64Array
  readonly minReducedCost: number
  readonly proof: Certificate['proof']
}): Certificate {
  const { rowToColumn, pairCost, u, v, minReducedCost, proof } = parts
  const magnitude = pairCost.map((cost, row) => {
    const column = rowToColumn[row]
    return Math.abs(cost) + Math.abs(u[row]) + (column < 0 ? 0 : Math.abs(v[column]))
  })
  const primal = compensatedSum(pairCost)
  const dual = compensatedSum(u, v)
  const gap = primal - dual
  const roundingBound = 4 * Number.EPSILON * compensatedSum(magnitude)
  return { primal, dual, gap, roundingBound, minReducedCost, proof, optimal: Math.abs(gap) <= roundingBound }
}

/** A number that is certainly not below the value of which `value` is the rounded one. */
function nextUp(value: number): number {
  return -nextDown(-value)
}
