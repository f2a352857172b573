/**
 * Where the solvers' costs come from: n <= m, minimisation. A solver never touches a matrix; it visits rows and asks
 * for single exact entries.
 */
export interface CostSource {
  /** n */
  readonly rows: number
  /** m, at least n */
  readonly columns: number
  /** Whether visited rows hold the exact costs; otherwise they are lower bounds, at most {@link slack} below. */
  readonly exact: boolean
  /** How many pairs are not known to be forbidden without a look: all of them where costs are a matrix. */
  readonly entries: number
  /** How many costs a visitor of the row sees. */
  rowEntries(row: number): number
  /** Calls `visitor` for each of the rows, in their order. */
  visit(rows: ArrayLike<number>, visitor: RowVisitor): void
  /** One exact entry. */
  cost(row: number, column: number): number
  /** Whether two rows have the same costs everywhere. */
  identical(row: number, other: number): boolean
  /** The allowed columns of every row where they are few and kept as lists; null where whole rows are looked at. */
  allowedColumns(): AllowedColumns | null
  /** No exact entry of the row lies further above its lower bound. */
  slack(row: number): number
  /** How many entries {@link cost} had to compute so far. */
  readonly exactCosts: number
}

/** The allowed columns of row i are column[start[i]] .. column[start[i + 1] - 1], ascending. */
export interface AllowedColumns {
  /** [rows + 1] */
  readonly start: Float64Array
  readonly column: Int32Array
}

/**
 * Sees (lower bounds of) costs of a row: of all m columns, +Infinity where the pair is forbidden; or of the allowed
 * ones alone, which are then `columns`, ascending. The arrays are used again for the next row.
 */
export type RowVisitor = (row: number, costs: Float64Array, columns: Int32Array | null) => void

let gathered = new Float64Array(0)

/** The prices that belong to a visited row's costs. The array is used again by the next call. */
export function pricesOf(v: Float64Array, columns: Int32Array | null): Float64Array {
  if (columns === null) return v
  if (gathered.length < columns.length) gathered = new Float64Array(2 * columns.length)
  for (let e = 0; e < columns.length; e++) gathered[e] = v[columns[e]]
  return gathered
}

/** How many rows can be visited in about a millisecond. */
export function rowsPerSlice({ rows, entries }: CostSource): number {
  return Math.max(1, Math.ceil((2 ** 19 * rows) / Math.max(rows, entries)))
}

/** Rows begin .. end - 1, for {@link CostSource.visit}. */
export function rowRange(begin: number, end: number): Int32Array {
  return Int32Array.from({ length: end - begin }, (_, i) => begin + i)
}
