import { SaeMatchError } from '../../errors.js'
import type { Heap } from './heap.js'
import { createHeap, pop, push } from './heap.js'
import { select } from './lists.js'
import type { Market } from './market.js'
import { alone, bestOfferOfAll, boundOf, free, pooled } from './market.js'
import { outsideCost, releaseColumn, setLevel, takeColumn } from './pool.js'
import type { Steps } from './steps.js'

const labelsPerSlice = 4096
/** A predecessor: the pool. */
const viaPool = pooled
/** A predecessor of the pool: the search began there. */
const atSource = Number.MIN_SAFE_INTEGER

/** What one search of a shortest path knows; the arrays are reset entry by entry through `touched`. */
interface Search {
  /** [m] distance of each column reached, +Infinity for the others */
  readonly distance: Float64Array
  /** [m] the row (or {@link viaPool}) from which a column was reached, and the exact cost of that pair */
  readonly from: Int32Array
  readonly fromCost: Float64Array
  readonly touched: number[]
  readonly settled: number[]
  /** The first row reached of each group of identical rows: the others lead nowhere else. */
  readonly groups: Map<number, number>
  /** [n] distance and price of each row reached */
  readonly rowDistance: Float64Array
  readonly rowPrice: Float64Array
  /** Columns j as j, rows whose unlisted columns come next as m + i, going out into the pool as m + n. */
  readonly heap: Heap
  /** Distance of the nearest free column so far, and which it is. */
  nearest: number
  nearestColumn: number
  poolDistance: number
  poolSettled: boolean
  /** A column as j, a row as -1 - i, or {@link atSource}. */
  poolFrom: number
}

/**
 * Exact: brings each of `rows`, and every unit the pool has in excess, to a free column along a shortest path of
 * reduced costs (Dijkstra over the lists), and lowers prices so that all pairs on the way are tight. Whatever a settled
 * row has not listed cannot be nearer than one extra key; when that key comes up, the row's list is made anew or the
 * whole row is scanned.
 * @param rows unassigned rows; all other rows must have a tight partner
 */
export function* augment(market: Market, rows: readonly number[]): Steps<void> {
  const { pool, work, source } = market
  const search = createSearch(source.rows, source.columns)
  let nextSlice = work.labels + labelsPerSlice
  for (const row of rows) {
    searchFromRow(market, search, row)
    if (work.labels >= nextSlice) {
      nextSlice = work.labels + labelsPerSlice
      yield
    }
  }
  while (pool !== null && pool.excess > 0) {
    searchFromPool(market, search)
    yield
  }
}

function createSearch(rows: number, columns: number): Search {
  return {
    distance: new Float64Array(columns).fill(Number.POSITIVE_INFINITY),
    from: new Int32Array(columns),
    fromCost: new Float64Array(columns),
    touched: [],
    settled: [],
    groups: new Map(),
    rowDistance: new Float64Array(rows),
    rowPrice: new Float64Array(rows),
    heap: createHeap(0),
    nearest: Number.POSITIVE_INFINITY,
    nearestColumn: -1,
    poolDistance: Number.POSITIVE_INFINITY,
    poolSettled: false,
    poolFrom: atSource,
  }
}

function searchFromRow(market: Market, search: Search, row: number): void {
  begin(search)
  const outside = outsideCost(market)
  const { best } = bestOfferOfAll(market, row, outside, 0)
  reachRow(market, search, row, 0, Math.min(best, outside, boundOf(market, row)))
  finish(market, search, row)
}

function searchFromPool(market: Market, search: Search): void {
  begin(search)
  search.poolFrom = atSource
  settlePool(market, search, 0)
  finish(market, search, viaPool)
}

function begin(search: Search): void {
  search.heap.size = 0
  search.nearest = Number.POSITIVE_INFINITY
  search.nearestColumn = -1
  search.poolDistance = Number.POSITIVE_INFINITY
  search.poolSettled = false
}

/** Settles labels in order of distance until a free column is the nearest, then lowers prices and turns the path. */
function finish(market: Market, search: Search, start: number): void {
  const { heap, distance, touched, settled } = search
  const { lists, owner, partner, partnerCost, v, pool, work } = market
  const columns = market.source.columns
  const rows = market.source.rows
  while (heap.size > 0 && heap.keys[0] < search.nearest) {
    const key = heap.keys[0]
    const item = pop(heap)
    work.labels++
    if (item >= columns) {
      if (item === columns + rows) settlePool(market, search, key)
      else extendRow(market, search, item - columns, key)
    } else if (key === distance[item]) {
      settled.push(item)
      const row = owner[item]
      if (row !== pooled) reachRow(market, search, row, key, partnerCost[row] - v[item])
      else if (!search.poolSettled) {
        search.poolFrom = item
        settlePool(market, search, key)
      }
    }
  }
  if (search.nearestColumn < 0) throw new SaeMatchError('INTERNAL', 'A search found no free column')

  for (const j of settled) {
    if (owner[j] !== pooled && !search.groups.has(lists.listOf[owner[j]])) v[j] -= search.nearest - distance[j]
  }
  for (const [group, first] of search.groups) {
    // All columns of a group are as near as the row of it that was reached first.
    const fall = search.nearest - search.rowDistance[first]
    for (const row of lists.groups.get(group)!) if (partner[row] >= 0) v[partner[row]] -= fall
  }
  search.groups.clear()
  if (search.poolSettled) setLevel(pool!, v, pool!.level - (search.nearest - search.poolDistance))
  turnPath(market, search, start)
  for (const j of touched) distance[j] = Number.POSITIVE_INFINITY
  touched.length = 0
  settled.length = 0
}

/** Gives every column on the path to the one before it, back to the start of the search. */
function turnPath({ pool, owner, partner, partnerCost }: Market, search: Search, start: number): void {
  const { from, fromCost, poolFrom } = search
  let j = search.nearestColumn
  while (true) {
    const row = from[j]
    let previous: number = alone
    owner[j] = row
    if (row === viaPool) {
      takeColumn(pool!, j)
    } else {
      previous = partner[row]
      partner[row] = j
      partnerCost[row] = fromCost[j]
      if (row === start) return
      if (previous === alone) pool!.excess--
    }
    if (previous === alone) {
      // The path came through the pool, which gives up what it was reached by.
      if (poolFrom === atSource) return
      if (poolFrom >= 0) {
        releaseColumn(pool!, poolFrom)
        previous = poolFrom
      } else {
        const sent = -1 - poolFrom
        previous = partner[sent]
        partner[sent] = alone
        pool!.excess++
        if (sent === start) return
      }
    }
    j = previous
  }
}

/** Settles a row at `distance` with price `u`, and relaxes what it has listed. */
function reachRow(market: Market, search: Search, row: number, distance: number, u: number): void {
  const { listOf, groups } = market.lists
  if (groups.has(listOf[row])) {
    if (search.groups.has(listOf[row])) return
    search.groups.set(listOf[row], row)
  }
  search.rowDistance[row] = distance
  search.rowPrice[row] = u
  relaxList(market, search, row)
  pushUnlisted(market, search, row, Number.NEGATIVE_INFINITY)
  const out = outsideCost(market)
  if (out === Number.POSITIVE_INFINITY || search.poolSettled) return
  const key = distance + Math.max(0, out - u)
  if (key < search.poolDistance && key < search.nearest) {
    search.poolDistance = key
    search.poolFrom = -1 - row
    push(search.heap, key, market.source.columns + market.source.rows)
  }
}

function relaxList({ lists, source, v, owner }: Market, search: Search, row: number): void {
  const { listOf, column, cost, exact } = lists
  const { distance: distances } = search
  const start = search.rowDistance[row]
  const u = search.rowPrice[row]
  const list = listOf[row]
  const begin = lists.start[list]
  const end = begin + lists.count[list]
  for (let e = begin; e < end; e++) {
    const j = column[e]
    let distance = start + Math.max(0, cost[e] - v[j] - u)
    if (distance >= distances[j] || distance > search.nearest) continue
    if (exact !== null && exact[e] === 0) {
      cost[e] = source.cost(row, j)
      exact[e] = 1
      distance = start + Math.max(0, cost[e] - v[j] - u)
    }
    // A column of an identical row leads nowhere that this row does not.
    if (owner[j] >= 0 && listOf[owner[j]] === list) continue
    reachColumn(search, owner, j, distance, row, cost[e])
  }
}

/** Gives column j a distance if that is nearer than before. */
function reachColumn(search: Search, owner: Int32Array, j: number, distance: number, from: number, cost: number): void {
  if (distance >= search.distance[j]) return
  if (owner[j] === free) {
    if (distance > search.nearest || (distance === search.nearest && j > search.nearestColumn)) return
    search.nearest = distance
    search.nearestColumn = j
  } else {
    if (distance >= search.nearest) return
    if (search.distance[j] === Number.POSITIVE_INFINITY) search.touched.push(j)
    search.distance[j] = distance
    push(search.heap, distance, j)
  }
  search.from[j] = from
  search.fromCost[j] = cost
}

/** Pushes the key that stands for what a settled row has not listed. Returns whether it lies beyond `after`. */
function pushUnlisted(market: Market, search: Search, row: number, after: number): boolean {
  const key = search.rowDistance[row] + Math.max(0, boundOf(market, row) - search.rowPrice[row])
  if (key <= after) return false
  if (key < search.nearest) push(search.heap, key, market.source.columns + row)
  return true
}

/** Unlisted columns of a settled row may be next: makes its list anew, or scans the row where that is not enough. */
function extendRow(market: Market, search: Search, row: number, key: number): void {
  const { source, lists, v, owner, work } = market
  work.refreshes++
  source.visit([row], (_, costs, columns) => {
    select(lists, row, costs, columns, v)
    relaxList(market, search, row)
    if (pushUnlisted(market, search, row, key)) return
    const start = search.rowDistance[row]
    const u = search.rowPrice[row]
    for (let e = 0; e < costs.length; e++) {
      const j = columns === null ? e : columns[e]
      const distance = start + Math.max(0, costs[e] - v[j] - u)
      if (distance >= search.distance[j] || distance > search.nearest) continue
      if (owner[j] >= 0 && lists.listOf[owner[j]] === lists.listOf[row]) continue
      const cost = source.exact ? costs[e] : source.cost(row, j)
      reachColumn(search, owner, j, start + Math.max(0, cost - v[j] - u), row, cost)
    }
  })
}

/** The pool reaches every column at V - v_j, and the rows that are alone at once. */
function settlePool(market: Market, search: Search, distance: number): void {
  if (search.poolSettled) return
  search.poolSettled = true
  search.poolDistance = distance
  const { owner, v, partner, source } = market
  const { level } = market.pool!
  for (let j = 0; j < source.columns; j++) {
    if (owner[j] !== pooled) reachColumn(search, owner, j, distance + Math.max(0, level - v[j]), viaPool, 0)
  }
  if (market.unmatchedCost === Number.POSITIVE_INFINITY) return
  for (let i = 0; i < source.rows; i++) {
    if (partner[i] === alone) reachRow(market, search, i, distance, market.unmatchedCost - level)
  }
}
