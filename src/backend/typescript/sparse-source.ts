import { SaeMatchError } from '../../errors.js'
import type { SparseCosts } from '../backend.js'
import type { CostFacts } from './check-costs.js'
import { badEntry, checkUnmatchedCost, largestCost, tooLarge } from './check-costs.js'
import type { AllowedColumns, CostSource, RowVisitor } from './source.js'
import type { Steps } from './steps.js'

const rowsPerTurn = 2 ** 14

/** Compressed sparse rows: the entries of row i are start[i] .. start[i + 1] - 1. */
interface Entries {
  readonly rows: number
  readonly columns: number
  /** [rows + 1] */
  readonly start: Float64Array
  readonly column: Int32Array
  readonly cost: Float64Array
}

/** The costs of the allowed pairs of a caller's lists, in memory: at most as many rows as columns, minimisation. */
export class SparseSource implements CostSource {
  readonly rows: number
  readonly columns: number
  readonly exact = true
  readonly exactCosts = 0
  private readonly kept: Entries

  constructor(kept: Entries) {
    this.kept = kept
    this.rows = kept.rows
    this.columns = kept.columns
  }

  get entries(): number {
    return this.kept.start[this.rows]
  }

  rowEntries(row: number): number {
    return this.kept.start[row + 1] - this.kept.start[row]
  }

  visit(rows: ArrayLike<number>, visitor: RowVisitor): void {
    const { start, column, cost } = this.kept
    for (let r = 0; r < rows.length; r++) {
      const [begin, end] = [start[rows[r]], start[rows[r] + 1]]
      visitor(rows[r], cost.subarray(begin, end), column.subarray(begin, end))
    }
  }

  cost(row: number, column: number): number {
    const { start, column: columns, cost } = this.kept
    let low = start[row]
    let high = start[row + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (columns[middle] < column) low = middle + 1
      else high = middle
    }
    return low < start[row + 1] && columns[low] === column ? cost[low] : Number.POSITIVE_INFINITY
  }

  identical(row: number, other: number): boolean {
    const { start, column, cost } = this.kept
    const count = this.rowEntries(row)
    if (this.rowEntries(other) !== count) return false
    for (let a = start[row], b = start[other]; a < start[row + 1]; a++, b++) {
      if (column[a] !== column[b] || cost[a] !== cost[b]) return false
    }
    return true
  }

  slack(): number {
    return 0
  }

  allowedColumns(): AllowedColumns {
    return this.kept
  }
}

/**
 * A caller's lists as a source.
 * @throws `COST_NAN` and `COST_RANGE` as for a matrix; `COST_DUPLICATE` where a row has a column twice
 */
export function* readSparse(
  costs: SparseCosts,
  maximize: boolean,
  unmatchedCost: number,
): Steps<{ source: SparseSource; facts: CostFacts }> {
  const { rows, columns } = costs
  yield* checkEntries(costs, maximize)
  checkUnmatchedCost(unmatchedCost, largestCost(rows, columns))
  const byColumns = yield* transpose(allowedEntries(costs, maximize))
  // Transposing once more puts every row's columns in order.
  const source = new SparseSource(rows > columns ? byColumns : yield* transpose(byColumns))
  return { source, facts: { forbidden: source.entries < rows * columns, constant: false } }
}

function* checkEntries({ indptr, indices, data, rows, columns }: SparseCosts, maximize: boolean): Steps<void> {
  const limit = largestCost(rows, columns)
  const allowedInfinity = maximize ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const lastRow = new Int32Array(columns).fill(-1)
  for (let row = 0; row < rows; row++) {
    if (row % rowsPerTurn === 0) yield
    for (let e = indptr[row]; e < indptr[row + 1]; e++) {
      const cost = data[e]
      const column = indices[e]
      if (!(Math.abs(cost) <= limit) && cost !== allowedInfinity) {
        if (!Number.isFinite(cost)) throw badEntry(cost, row, column, allowedInfinity)
        throw tooLarge(Math.abs(cost), limit)
      }
      if (lastRow[column] === row) {
        throw new SaeMatchError(
          'COST_DUPLICATE',
          `Expected every column of a row once in \`indices\`, got column ${column} twice in row ${row}`,
          { hint: 'In scipy, `sum_duplicates()` adds the costs of such entries.' },
        )
      }
      lastRow[column] = row
    }
  }
}

/** Without what is listed and forbidden. */
function allowedEntries({ indptr, indices, data, rows, columns }: SparseCosts, maximize: boolean): Entries {
  const start = new Float64Array(rows + 1)
  const column = new Int32Array(indices.length)
  const cost = new Float64Array(indices.length)
  let end = 0
  for (let row = 0; row < rows; row++) {
    for (let e = indptr[row]; e < indptr[row + 1]; e++) {
      if (!Number.isFinite(data[e])) continue
      column[end] = indices[e]
      cost[end++] = maximize ? -data[e] : data[e]
    }
    start[row + 1] = end
  }
  return { rows, columns, start, column: column.subarray(0, end), cost: cost.subarray(0, end) }
}

/** Rows become columns, by a counting sort: in the result the columns of every row ascend. */
function* transpose({ rows, columns, start, column, cost }: Entries): Steps<Entries> {
  const turned: Entries = {
    rows: columns,
    columns: rows,
    start: new Float64Array(columns + 1),
    column: new Int32Array(column.length),
    cost: new Float64Array(cost.length),
  }
  for (const j of column) turned.start[j + 1]++
  for (let j = 0; j < columns; j++) turned.start[j + 1] += turned.start[j]
  const next = turned.start.slice()
  for (let row = 0; row < rows; row++) {
    if (row % rowsPerTurn === 0) yield
    for (let e = start[row]; e < start[row + 1]; e++) {
      const to = next[column[e]]++
      turned.column[to] = row
      turned.cost[to] = cost[e]
    }
  }
  return turned
}
