import { SaeMatchError } from '../../errors.js'
import type { MatrixCosts } from '../backend.js'
import type { Steps } from './steps.js'

const entriesPerSlice = 2 ** 16

/** What one look at every entry of a matrix tells. */
export interface CostRange {
  /** Of the finite entries; min > max where there is none. */
  readonly min: number
  readonly max: number
  /** Whether some pair is forbidden. */
  readonly forbidden: boolean
}

/**
 * @throws `COST_NAN` for NaN or an infinity of the wrong sign, with row and column; `COST_RANGE` where sums of costs
 * could leave the range of f64.
 */
export function* checkCosts(costs: MatrixCosts, maximize: boolean, unmatchedCost: number): Steps<CostRange> {
  const { data, rows, columns } = costs
  const chunk = new Float64Array(Math.min(entriesPerSlice, data.length))
  const allowedInfinity = maximize ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let forbidden = false
  for (let begin = 0; begin < data.length; begin += entriesPerSlice) {
    const length = Math.min(entriesPerSlice, data.length - begin)
    // Widened, so that the loop meets one array type.
    chunk.set(data.subarray(begin, begin + length))
    for (let p = 0; p < length; p++) {
      const cost = chunk[p]
      // False for every number but NaN and the infinities.
      if (cost - cost !== 0) {
        if (cost !== allowedInfinity) throw badEntry(costs, begin + p, allowedInfinity)
        forbidden = true
        continue
      }
      if (cost < min) min = cost
      if (cost > max) max = cost
    }
    yield
  }
  checkRange(Math.max(min > max ? 0 : Math.max(-min, max), finiteSize(unmatchedCost)), rows, columns)
  return { min, max, forbidden }
}

/**
 * @param largest no cost is larger in size
 * @throws `COST_RANGE` where the price of a column, a sum of differences along a path through every row, or a sum of
 * them could overflow
 */
export function checkRange(largest: number, rows: number, columns: number): void {
  const limit = Number.MAX_VALUE / (8 * (rows + columns + 1))
  if (largest <= limit) return
  throw new SaeMatchError(
    'COST_RANGE',
    `Expected costs of at most ${limit.toPrecision(3)} in size for a ${rows} x ${columns} problem, got ${largest}: ` +
      'their sums could leave the range of f64',
  )
}

function badEntry({ data, columns }: MatrixCosts, position: number, allowedInfinity: number): SaeMatchError {
  const row = Math.floor(position / columns)
  return new SaeMatchError(
    'COST_NAN',
    `Expected a finite number or ${allowedInfinity} at row ${row}, column ${position % columns}, got ${data[position]}`,
  )
}

function finiteSize(value: number): number {
  return Number.isFinite(value) ? Math.abs(value) : 0
}
