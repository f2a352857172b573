import { differenceError, nextDown } from './float.js'
import type { CostSource } from './source.js'
import { pricesOf, rowRange, rowsPerSlice } from './source.js'
import { insertDescending } from './starting-prices.js'
import type { Steps } from './steps.js'

/**
 * For every row, or group of identical rows, its best columns by reduced cost c_ij - v_j at the prices of the moment the list was made, and a bound
 * below which no unlisted column lies. As long as prices only fall the bounds stay true.
 */
export interface Shortlists {
  /** [n] which list is a row's: its own number, for identical rows the least of theirs */
  readonly listOf: Int32Array
  /** The rows of every list that belongs to more than one. */
  readonly groups: Map<number, number[]>
  /** Whether rows with many equal columns each list others of them; otherwise the lowest. */
  readonly spreadTies: boolean
  /** [n] where the entries of each list begin, columns ascending, and how many it has */
  readonly start: Int32Array
  readonly count: Int32Array
  column: Int32Array
  /** The cost of each entry: exact where `exact` is null or says so, otherwise a lower bound. */
  cost: Float64Array
  exact: Uint8Array | null
  /** [n] c_ij - v_j >= bound for every unlisted column; +Infinity where every allowed column is listed. */
  readonly bound: Float64Array
}

/** How many entries a list has room for. */
const listCapacity = 128
/** With so many different rows of the same hash at most is a row compared. */
const mostAlike = 8
/** How many entries a list should have; what comes out lies within a factor of two. */
const wantedEntries = 56
const sampleStride = 8
/** The cut is this rank in the sample of a row: the whole row has about `sampleStride` times as many entries below it. */
const sampleRank = Math.round(wantedEntries / sampleStride)

export function emptyShortlists(source: CostSource, spreadTies: boolean): Shortlists {
  const { rows, exact } = source
  const start = new Int32Array(rows)
  let end = 0
  for (let row = 0; row < rows; row++) {
    start[row] = end
    end += Math.min(source.rowEntries(row), listCapacity)
  }
  return {
    listOf: Int32Array.from({ length: rows }, (_, row) => row),
    groups: new Map(),
    spreadTies,
    start,
    count: new Int32Array(rows),
    column: new Int32Array(end),
    cost: new Float64Array(end),
    exact: exact ? null : new Uint8Array(end),
    bound: new Float64Array(rows),
  }
}

/**
 * Makes all lists at prices v: one pass over the source, and another over rows that are identical. Dead features are
 * often thousands of zero rows, which want the same columns: they get one list, long enough to hold a column for each.
 */
export function* sweep(lists: Shortlists, source: CostSource, v: Float64Array): Steps<void> {
  const step = rowsPerSlice(source)
  for (let begin = 0; begin < source.rows; begin += step) {
    const end = Math.min(begin + step, source.rows)
    source.visit(rowRange(begin, end), (row, costs, columns) => select(lists, row, costs, columns, v))
    yield { phase: 'solve', done: end, total: 2 * source.rows }
  }
  yield* findGroups(lists, source, v)
  makeRoomForGroups(lists)
  for (const list of lists.groups.keys()) refresh(lists, source, list, v)
}

/** Gives identical rows one list. Rows with equal lists are compared in full. */
function* findGroups(lists: Shortlists, source: CostSource, v: Float64Array): Steps<void> {
  const { listOf, groups } = lists
  const alike = new Map<number, number[]>()
  for (let row = 0; row < source.rows; row++) {
    if (row % 64 === 63) yield
    const hash = hashOf(lists, row, v)
    const others = alike.get(hash) ?? []
    const first = others.find((other) => source.identical(other, row))
    if (first === undefined) {
      if (others.length === 0) alike.set(hash, others)
      if (others.length < mostAlike) others.push(row)
    } else {
      listOf[row] = first
      const group = groups.get(first)
      if (group) group.push(row)
      else groups.set(first, [first, row])
    }
  }
}

/** Moves the lists of groups behind all others. */
function makeRoomForGroups(lists: Shortlists): void {
  let end = lists.column.length
  for (const [list, rows] of lists.groups) {
    lists.start[list] = end
    end += listCapacity + rows.length
  }
  if (end === lists.column.length) return
  const { column, cost } = lists
  lists.column = new Int32Array(end)
  lists.column.set(column)
  lists.cost = new Float64Array(end)
  lists.cost.set(cost)
  lists.exact &&= new Uint8Array(end)
}

/** A number that the lists of identical rows have in common, whichever of many equal columns each of them kept. */
function hashOf({ start, count, column, cost, bound }: Shortlists, row: number, v: Float64Array): number {
  let hash = count[row]
  for (let e = start[row]; e < start[row] + count[row]; e++) {
    const j = column[e]
    if (cost[e] - v[j] >= bound[row]) continue
    float[0] = cost[e]
    for (const word of [j, words[0], words[1]]) hash = Math.imul(hash ^ word, 0x01000193)
  }
  return hash
}

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)

/** Makes the list of one row anew at prices v. */
export function refresh(lists: Shortlists, source: CostSource, row: number, v: Float64Array): void {
  source.visit([row], (_, costs, columns) => select(lists, row, costs, columns, v))
}

/** Fills the list of `row` from its costs, as a visitor sees them, at prices v. */
export function select(
  lists: Shortlists,
  row: number,
  costs: Float64Array,
  columns: Int32Array | null,
  v: Float64Array,
): void {
  const { column, cost } = lists
  const prices = pricesOf(v, columns)
  const list = lists.listOf[row]
  const group = lists.groups.get(list)?.length ?? 0
  const wanted = wantedEntries + group
  if (costs.length > candidates.length) candidates = new Int32Array(costs.length)
  const cut = costs.length <= listCapacity || group > 0 ? Number.MAX_VALUE : estimateCut(costs, prices)
  let count = collect(costs, prices, cut, candidates)
  let bound = cut === Number.MAX_VALUE ? Number.POSITIVE_INFINITY : cut
  if (count > listCapacity + group) {
    bound = dropDearest(count, wanted, lists.spreadTies ? row * wanted : 0, costs, prices)
    count = wanted
  }
  const base = lists.start[list]
  for (let e = 0; e < count; e++) {
    const j = candidates[e]
    column[base + e] = columns === null ? j : columns[j]
    cost[base + e] = costs[j]
  }
  lists.exact?.fill(0, base, base + count)
  lists.count[list] = count
  lists.bound[list] = bound
}

/** Which of the visited costs the list being made is chosen from, ascending. */
let candidates = new Int32Array(0)

/** Puts the columns with c_j - v_j <= cut into `found`, ascending; returns how many. Four at a time to save branches. */
function collect(costs: Float64Array, v: Float64Array, cut: number, found: Int32Array): number {
  const columns = costs.length
  const whole = columns - (columns % 4)
  let count = 0
  for (let j = 0; j < whole; j += 4) {
    const r0 = costs[j] - v[j]
    const r1 = costs[j + 1] - v[j + 1]
    const r2 = costs[j + 2] - v[j + 2]
    const r3 = costs[j + 3] - v[j + 3]
    if (r0 <= cut) found[count++] = j
    if (r1 <= cut) found[count++] = j + 1
    if (r2 <= cut) found[count++] = j + 2
    if (r3 <= cut) found[count++] = j + 3
  }
  for (let j = whole; j < columns; j++) if (costs[j] - v[j] <= cut) found[count++] = j
  return count
}

const sampleLeast = new Float64Array(sampleRank)

/** A reduced cost that about `wantedEntries` of the row lie below, and never fewer than `sampleRank`; from a sample. */
function estimateCut(costs: Float64Array, v: Float64Array): number {
  const least = sampleLeast.fill(Number.MAX_VALUE)
  const columns = costs.length
  let threshold = Number.MAX_VALUE
  for (let j = 0; j < columns; j += sampleStride) {
    const r = costs[j] - v[j]
    if (r < threshold) {
      insertDescending(least, 0, sampleRank, r)
      threshold = least[0]
    }
  }
  return threshold
}

/**
 * Keeps the `keep` least of `count` candidates in their order, of equal ones those from number `firstTie` on, cyclically;
 * returns a bound of the reduced costs dropped.
 */
function dropDearest(count: number, keep: number, firstTie: number, costs: Float64Array, v: Float64Array): number {
  const reduced = new Float64Array(count)
  for (let e = 0; e < count; e++) reduced[e] = costs[candidates[e]] - v[candidates[e]]
  const limit = selectRank(reduced.slice(), keep)
  let least = 0
  let ties = 0
  for (let e = 0; e < count; e++) {
    if (reduced[e] < limit) least++
    else if (reduced[e] === limit) ties++
  }
  const first = firstTie % ties
  let kept = 0
  let tie = 0
  let below = false
  for (let e = 0; e < count; e++) {
    const j = candidates[e]
    if (reduced[e] < limit) candidates[kept++] = j
    if (reduced[e] !== limit) continue
    if ((tie++ - first + ties) % ties < keep - least) candidates[kept++] = j
    else below ||= differenceError(costs[j], v[j], limit) < 0
  }
  return below ? nextDown(limit) : limit
}

/** The value of 0-based rank `rank`; the values are reordered (Hoare's selection). */
function selectRank(values: Float64Array, rank: number): number {
  let low = 0
  let high = values.length - 1
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
