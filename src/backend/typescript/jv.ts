import { SaeMatchError } from '../../errors.js'
import type { CostSource } from './source.js'
import { rowRange } from './source.js'
import type { Steps } from './steps.js'

/** Rows of each round of row reduction that are looked at between two yields. */
const rowsPerSlice = 64

/** A square or wide problem in memory, prices, and who has what. */
interface Tableau {
  readonly rows: number
  readonly columns: number
  /** [rows, columns] min(c, lambda), +Infinity where forbidden */
  readonly costs: Float64Array
  readonly v: Float64Array
  /** [rows] -1 for none */
  readonly rowToColumn: Int32Array
  /** [columns] -1 for none */
  readonly columnToRow: Int32Array
  readonly work: { bids: number; labels: number }
}

export interface JvResult {
  /** [n], -1 where unmatched */
  readonly rowToColumn: Int32Array
  readonly v: Float64Array
  readonly work: { readonly bids: number; readonly labels: number }
}

/**
 * The textbook dense solver (Jonker and Volgenant 1987) on the whole matrix in f64. Square and full: column reduction,
 * reduction transfer, two rounds of augmenting row reduction, augmentation. In every other shape free columns must keep
 * price 0, so the first two steps are left out: prices start at 0, and a column that has a price is never freed.
 * A finite lambda is the full assignment of min(c, lambda).
 * @param memoryBudget bytes that the matrix may take
 * @throws `SOLVER_UNAVAILABLE` over the budget, `OUT_OF_MEMORY`
 */
export function* solveJv(source: CostSource, unmatchedCost: number, memoryBudget: number): Steps<JvResult> {
  const { rows, columns } = source
  if (8 * rows * columns > memoryBudget) {
    throw new SaeMatchError(
      'SOLVER_UNAVAILABLE',
      'Solver jv needs the whole cost matrix in memory, which is over the memory budget; solver shortlist does not',
    )
  }
  const tableau: Tableau = {
    rows,
    columns,
    costs: yield* exactMatrix(source, unmatchedCost),
    v: new Float64Array(columns),
    rowToColumn: new Int32Array(rows).fill(-1),
    columnToRow: new Int32Array(columns).fill(-1),
    work: { bids: 0, labels: 0 },
  }
  if (rows === columns && unmatchedCost === Number.POSITIVE_INFINITY) reduceColumns(tableau)
  let waiting = unassignedRows(tableau)
  for (let round = 0; round < 2; round++) waiting = yield* reduceRows(tableau, waiting)
  yield* augment(tableau, waiting)

  const rowToColumn = tableau.rowToColumn.map((column, row) =>
    source.cost(row, column) <= unmatchedCost ? column : -1,
  )
  return { rowToColumn, v: tableau.v, work: tableau.work }
}

function* exactMatrix(source: CostSource, unmatchedCost: number): Steps<Float64Array> {
  const { rows, columns } = source
  let matrix: Float64Array
  try {
    matrix = new Float64Array(rows * columns)
  } catch (cause) {
    throw new SaeMatchError('OUT_OF_MEMORY', `Solver jv needs ${8 * rows * columns} bytes for its cost matrix`, {
      cause,
      hint: 'Use solver shortlist.',
    })
  }
  for (let begin = 0; begin < rows; begin += rowsPerSlice) {
    const end = Math.min(begin + rowsPerSlice, rows)
    source.visit(rowRange(begin, end), (row, costs, listed) => {
      const base = row * columns
      if (listed !== null) matrix.fill(unmatchedCost, base, base + columns)
      for (let e = 0; e < costs.length; e++) {
        const j = listed === null ? e : listed[e]
        matrix[base + j] = Math.min(source.exact ? costs[e] : source.cost(row, j), unmatchedCost)
      }
    })
    yield { phase: 'solve', done: end, total: 2 * rows }
  }
  return matrix
}

/** Column reduction and reduction transfer: every column at its minimum, every row that has a column tight with it. */
function reduceColumns({ rows, columns, costs, v, rowToColumn, columnToRow }: Tableau): void {
  const nearest = new Int32Array(columns)
  v.set(costs.subarray(0, columns))
  for (let i = 1; i < rows; i++) {
    const base = i * columns
    for (let j = 0; j < columns; j++) {
      if (costs[base + j] < v[j]) {
        v[j] = costs[base + j]
        nearest[j] = i
      }
    }
  }
  const chosen = new Int32Array(rows)
  for (let j = columns - 1; j >= 0; j--) {
    const row = nearest[j]
    if (++chosen[row] > 1) continue
    rowToColumn[row] = j
    columnToRow[j] = row
  }
  for (let i = 0; i < rows; i++) {
    if (chosen[i] !== 1) continue
    const own = rowToColumn[i]
    const base = i * columns
    let least = Number.POSITIVE_INFINITY
    for (let j = 0; j < columns; j++) if (j !== own) least = Math.min(least, costs[base + j] - v[j])
    if (least > 0 && least < Number.POSITIVE_INFINITY) v[own] -= least
  }
}

function unassignedRows({ rowToColumn }: Tableau): number[] {
  return Array.from(rowToColumn.keys()).filter((row) => rowToColumn[row] < 0)
}

/**
 * One round of augmenting row reduction: every waiting row takes its best column and lowers that column's price to
 * where its second best is as good. A row displaced by a real fall is next; where two are equal it waits for the next
 * round, or else rounding could keep two rows at it for ever.
 * @returns the rows without a column
 */
function* reduceRows(tableau: Tableau, waiting: number[]): Steps<number[]> {
  const { columns, costs, v, rowToColumn, columnToRow, work } = tableau
  const later: number[] = []
  // Each fall is real, but it may be tiny: what is not settled by then is settled by shortest paths.
  const last = work.bids + 8 * tableau.rows
  const queue = waiting.slice().reverse()
  for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
    if (work.bids >= last) {
      later.push(row)
      continue
    }
    if (++work.bids % rowsPerSlice === 0) yield
    const base = row * columns
    let best = Number.POSITIVE_INFINITY
    let second = Number.POSITIVE_INFINITY
    let bestColumn = -1
    let secondColumn = -1
    for (let j = 0; j < columns; j++) {
      const r = costs[base + j] - v[j]
      if (r >= second) continue
      if (r < best) {
        second = best
        secondColumn = bestColumn
        best = r
        bestColumn = j
      } else {
        second = r
        secondColumn = j
      }
    }
    const price = second === Number.POSITIVE_INFINITY ? v[bestColumn] : v[bestColumn] - (second - best)
    const falls = price < v[bestColumn]
    let column = bestColumn
    if (falls) v[column] = price
    else if (columnToRow[column] >= 0 && secondColumn >= 0 && second === best) column = secondColumn
    const previous = columnToRow[column]
    rowToColumn[row] = column
    columnToRow[column] = row
    if (previous < 0) continue
    rowToColumn[previous] = -1
    if (falls) queue.push(previous)
    else later.push(previous)
  }
  return later
}

/** A shortest augmenting path for every waiting row (Dijkstra; columns at the same distance are taken together). */
function* augment(
  { rows, columns, costs, v, rowToColumn, columnToRow, work }: Tableau,
  waiting: number[],
): Steps<void> {
  const distance = new Float64Array(columns)
  const from = new Int32Array(columns)
  // order = columns settled, then those at the present minimum, then the others.
  const order = Int32Array.from({ length: columns }, (_, j) => j)
  let done = rows - waiting.length
  for (const start of waiting) {
    for (let j = 0; j < columns; j++) {
      distance[j] = costs[start * columns + j] - v[j]
      from[j] = start
      order[j] = j
    }
    let settled = 0
    let scanned = 0
    let minimum = 0
    let end = -1
    while (end < 0) {
      if (scanned === settled) {
        minimum = Number.POSITIVE_INFINITY
        let top = scanned
        for (let k = scanned; k < columns; k++) {
          const j = order[k]
          if (distance[j] > minimum) continue
          if (distance[j] < minimum) {
            minimum = distance[j]
            top = scanned
          }
          order[k] = order[top]
          order[top++] = j
        }
        if (minimum === Number.POSITIVE_INFINITY) throw new SaeMatchError('INTERNAL', 'A search found no free column')
        settled = top
        for (let k = scanned; k < top; k++) {
          const j = order[k]
          if (columnToRow[j] < 0 && (end < 0 || j < end)) end = j
        }
        if (end >= 0) break
      }
      const column = order[scanned++]
      const row = columnToRow[column]
      work.labels++
      const base = row * columns
      const tight = costs[base + column] - v[column] - minimum
      for (let k = settled; k < columns; k++) {
        const j = order[k]
        const d = Math.max(minimum, costs[base + j] - v[j] - tight)
        if (d >= distance[j]) continue
        distance[j] = d
        from[j] = row
        if (d > minimum) continue
        if (columnToRow[j] < 0) {
          end = j
          break
        }
        order[k] = order[settled]
        order[settled++] = j
      }
    }
    for (let k = 0; k < scanned; k++) v[order[k]] += distance[order[k]] - minimum
    let column = end
    while (true) {
      const row = from[column]
      const previous = rowToColumn[row]
      columnToRow[column] = row
      rowToColumn[row] = column
      if (row === start) break
      column = previous
    }
    yield { phase: 'solve', done: rows + ++done, total: 2 * rows }
  }
}
