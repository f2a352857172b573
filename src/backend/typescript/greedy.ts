import { createHeap, pop, push } from './heap.js'
import { emptyShortlists, refresh, sweep } from './lists.js'
import type { CostSource } from './source.js'
import type { Steps } from './steps.js'

const pairsPerSlice = 256

export interface GreedyResult {
  /** [n], -1 where unmatched */
  readonly rowToColumn: Int32Array
  readonly refreshes: number
}

/**
 * The cheapest pair of all, then the cheapest of what is left, and so on: not optimal. Ties go to the lower row, then to
 * the lower column. Each row offers the best free column of its sorted shortlist; a list that has run out is made anew
 * from the columns still free. Forbidden pairs are never taken, so a row may stay without a column.
 */
export function* solveGreedy(source: CostSource, unmatchedCost: number): Steps<GreedyResult> {
  const { rows, columns } = source
  const rowToColumn = new Int32Array(rows).fill(-1)
  const lists = emptyShortlists(source, false)
  // 0 where a column is free; at -Infinity its reduced cost is +Infinity, and no list takes it.
  const v = new Float64Array(columns)
  yield* sweep(lists, source, v)
  let refreshes = 0

  const heap = createHeap(rows)
  const offered = new Int32Array(rows).fill(-1)
  for (let row = 0; row < rows; row++) offer(row)
  for (let taken = 0; heap.size > 0; ) {
    if (heap.keys[0] > unmatchedCost) break
    const row = pop(heap)
    const column = offered[row]
    if (v[column] !== 0) {
      offer(row)
      continue
    }
    rowToColumn[row] = column
    v[column] = Number.NEGATIVE_INFINITY
    if (++taken % pairsPerSlice === 0) yield { phase: 'solve', done: rows + taken, total: 2 * rows }
  }
  return { rowToColumn, refreshes }

  /** Puts the row on the heap with its best free column, if it has one. */
  function offer(row: number): void {
    let found = cheapestFree(row)
    if (found.cost > lists.bound[lists.listOf[row]]) {
      refresh(lists, source, row, v)
      refreshes++
      found = cheapestFree(row)
    }
    const { column, cost } = found
    offered[row] = column
    if (column >= 0) push(heap, cost, row)
  }

  function cheapestFree(row: number): { column: number; cost: number } {
    const list = lists.listOf[row]
    const begin = lists.start[list]
    const end = begin + lists.count[list]
    let column = -1
    let least = Number.POSITIVE_INFINITY
    for (let e = begin; e < end; e++) {
      const j = lists.column[e]
      if (v[j] !== 0 || lists.cost[e] >= least) continue
      const cost = source.exact ? lists.cost[e] : source.cost(row, j)
      if (cost < least) {
        least = cost
        column = j
      }
    }
    return { column, cost: least }
  }
}
