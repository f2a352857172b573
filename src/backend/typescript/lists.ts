import { differenceError, nextDown } from './float.js'
import type { CostSource } from './source.js'
import { rowRange } from './source.js'
import { insertDescending } from './starting-prices.js'
import type { Steps } from './steps.js'

/**
 * For every row its best columns by reduced cost c_ij - v_j at the prices of the moment the list was made, and a bound
 * below which no unlisted column lies. As long as prices only fall the bounds stay true.
 */
export interface Shortlists {
  /** Room for entries in each list; entry e of row i is at `i * capacity + e`, columns ascending. */
  readonly capacity: number
  /** [n] entries of each list */
  readonly count: Int32Array
  readonly column: Int32Array
  /** The cost of each entry: exact where `exact` is null or says so, otherwise a lower bound. */
  readonly cost: Float64Array
  readonly exact: Uint8Array | null
  /** [n] c_ij - v_j >= bound_i for every unlisted column; +Infinity where every allowed column is listed. */
  readonly bound: Float64Array
}

const listCapacity = 128
/** How many entries a list should have; what comes out lies within a factor of two. */
const wantedEntries = 56
const sampleStride = 8
/** The cut is this rank in the sample of a row: the whole row has about `sampleStride` times as many entries below it. */
const sampleRank = Math.round(wantedEntries / sampleStride)

export function emptyShortlists({ rows, columns, exact }: CostSource): Shortlists {
  const capacity = Math.min(columns, listCapacity)
  return {
    capacity,
    count: new Int32Array(rows),
    column: new Int32Array(rows * capacity),
    cost: new Float64Array(rows * capacity),
    exact: exact ? null : new Uint8Array(rows * capacity),
    bound: new Float64Array(rows),
  }
}

/** Makes all lists at prices v: one pass over the source. */
export function* sweep(lists: Shortlists, source: CostSource, v: Float64Array): Steps<void> {
  const rowsPerSlice = Math.max(1, Math.ceil(2 ** 19 / Math.max(1, source.columns)))
  for (let begin = 0; begin < source.rows; begin += rowsPerSlice) {
    const end = Math.min(begin + rowsPerSlice, source.rows)
    source.visit(rowRange(begin, end), (row, costs) => select(lists, row, costs, v))
    yield { phase: 'solve', done: end, total: 2 * source.rows }
  }
}

/** Makes the list of one row anew at prices v. */
export function refresh(lists: Shortlists, source: CostSource, row: number, v: Float64Array): void {
  source.visit([row], (_, costs) => select(lists, row, costs, v))
}

/** Fills the list of `row` from its costs. */
export function select(lists: Shortlists, row: number, costs: Float64Array, v: Float64Array): void {
  const { capacity, column, cost, bound } = lists
  const base = row * capacity
  const columns = costs.length
  const cut = columns === capacity ? Number.MAX_VALUE : estimateCut(costs, v)
  let count = 0
  if (columns > candidateColumn.length) growCandidates(columns)
  const candidates = candidateColumn
  const reduced = candidateReduced
  for (let j = 0; j < columns; j++) {
    const r = costs[j] - v[j]
    if (r <= cut) {
      candidates[count] = j
      reduced[count] = r
      count++
    }
  }
  bound[row] = cut === Number.MAX_VALUE ? Number.POSITIVE_INFINITY : cut
  if (count > capacity) {
    bound[row] = dropDearest(count, wantedEntries, costs, v)
    count = wantedEntries
  }
  for (let e = 0; e < count; e++) {
    const j = candidates[e]
    column[base + e] = j
    cost[base + e] = costs[j]
  }
  lists.exact?.fill(0, base, base + count)
  lists.count[row] = count
}

let candidateColumn = new Int32Array(0)
let candidateReduced = new Float64Array(0)
let scratch = new Float64Array(0)

function growCandidates(columns: number): void {
  candidateColumn = new Int32Array(columns)
  candidateReduced = new Float64Array(columns)
  scratch = new Float64Array(columns)
}

const sampleLeast = new Float64Array(sampleRank)

/** A reduced cost that about `wantedEntries` of the row lie below, and never fewer than `sampleRank`; from a sample. */
function estimateCut(costs: Float64Array, v: Float64Array): number {
  const least = sampleLeast.fill(Number.MAX_VALUE)
  let threshold = Number.MAX_VALUE
  for (let j = 0; j < costs.length; j += sampleStride) {
    const r = costs[j] - v[j]
    if (r < threshold) {
      insertDescending(least, 0, sampleRank, r)
      threshold = least[0]
    }
  }
  return threshold
}

/** Keeps the `keep` least of `count` candidates in their order; returns a bound of the reduced costs dropped. */
function dropDearest(count: number, keep: number, costs: Float64Array, v: Float64Array): number {
  scratch.set(candidateReduced.subarray(0, count))
  const limit = selectRank(scratch, count, keep)
  let ties = keep
  for (let e = 0; e < count; e++) if (candidateReduced[e] < limit) ties--
  let kept = 0
  let below = false
  for (let e = 0; e < count; e++) {
    const r = candidateReduced[e]
    const j = candidateColumn[e]
    if (r < limit || (r === limit && ties-- > 0)) candidateColumn[kept++] = j
    else if (r === limit) below ||= differenceError(costs[j], v[j], r) < 0
  }
  return below ? nextDown(limit) : limit
}

/** The value of 0-based rank `rank` among values[0 .. count - 1], which are reordered (Hoare's selection). */
function selectRank(values: Float64Array, count: number, rank: number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]
    let i = low
    let j = high
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i <= j) {
        const swapped = values[i]
        values[i++] = values[j]
        values[j--] = swapped
      }
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return values[rank]
}
