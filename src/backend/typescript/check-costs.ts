import { SaeMatchError } from '../../errors.js'
import type { MatrixCosts } from '../backend.js'
import type { Steps } from './steps.js'

const entriesPerSlice = 2 ** 16

/** What one look at every entry of a matrix tells. */
export interface CostFacts {
  /** Whether some pair is forbidden. */
  readonly forbidden: boolean
  /** Whether all entries are the same number. */
  readonly constant: boolean
}

/**
 * @throws `COST_NAN` for NaN or an infinity of the wrong sign, with row and column; `COST_RANGE` where sums of costs
 * could leave the range of f64.
 */
export function* checkCosts(costs: MatrixCosts, maximize: boolean, unmatchedCost: number): Steps<CostFacts> {
  const { data, rows, columns } = costs
  const limit = largestCost(rows, columns)
  const allowedInfinity = maximize ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const chunk = new Float64Array(Math.min(entriesPerSlice, data.length))
  let forbidden = false
  let constant = true
  for (let begin = 0; begin < data.length; begin += entriesPerSlice) {
    const length = Math.min(entriesPerSlice, data.length - begin)
    // Widened, so that the loops meet one array type.
    chunk.set(data.subarray(begin, begin + length))
    constant &&= data[0] === data[begin] && isConstant(chunk, length)
    // Entries whose sizes add up to less than the limit are all well; only the others are looked at one by one.
    if (!(sumOfSizes(chunk, length) <= limit)) {
      for (let p = 0; p < length; p++) {
        const cost = chunk[p]
        if (cost === allowedInfinity) forbidden = true
        else if (!Number.isFinite(cost)) {
          const row = Math.floor((begin + p) / columns)
          throw badEntry(cost, row, (begin + p) % columns, allowedInfinity)
        } else if (Math.abs(cost) > limit) throw tooLarge(Math.abs(cost), limit)
      }
    }
    yield
  }
  checkUnmatchedCost(unmatchedCost, limit)
  return { forbidden, constant: constant && !forbidden }
}

/** In four chains, so that they need not wait for one another. NaN or Infinity where one of the entries is. */
function sumOfSizes(entries: Float64Array, length: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const whole = length - (length % 4)
  for (let p = 0; p < whole; p += 4) {
    a += Math.abs(entries[p])
    b += Math.abs(entries[p + 1])
    c += Math.abs(entries[p + 2])
    d += Math.abs(entries[p + 3])
  }
  for (let p = whole; p < length; p++) a += Math.abs(entries[p])
  return a + b + (c + d)
}

function isConstant(entries: Float64Array, length: number): boolean {
  for (let p = 1; p < length; p++) if (entries[p] !== entries[0]) return false
  return true
}

/**
 * The largest size of a cost for which neither the price of a column, nor the sum of differences along a path through
 * every row, nor a sum of them can overflow.
 */
export function largestCost(rows: number, columns: number): number {
  return Number.MAX_VALUE / (8 * (rows + columns + 1))
}

export function tooLarge(size: number, limit: number): SaeMatchError {
  return new SaeMatchError(
    'COST_RANGE',
    `Expected costs of at most ${limit.toPrecision(3)} in size, got ${size}: their sums could leave the range of f64`,
  )
}

/** @throws `COST_RANGE` */
export function checkUnmatchedCost(unmatchedCost: number, limit: number): void {
  if (Number.isFinite(unmatchedCost) && Math.abs(unmatchedCost) > limit) throw tooLarge(Math.abs(unmatchedCost), limit)
}

export function badEntry(cost: number, row: number, column: number, allowedInfinity: number): SaeMatchError {
  return new SaeMatchError(
    'COST_NAN',
    `Expected a finite number or ${allowedInfinity} at row ${row}, column ${column}, got ${cost}`,
  )
}
