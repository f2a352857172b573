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
  /**
   * Calls `visitor` for each of the rows, in their order, with the (lower bounds of the) costs of all m columns,
   * +Infinity where the pair is forbidden. The array is used again for the next row.
   */
  visit(rows: ArrayLike<number>, visitor: (row: number, costs: Float64Array) => void): void
  /** One exact entry. */
  cost(row: number, column: number): number
  /** Whether two rows have the same costs everywhere. */
  identical(row: number, other: number): boolean
  /** No exact entry of the row lies further above its lower bound. */
  slack(row: number): number
  /** How many entries {@link cost} had to compute so far. */
  readonly exactCosts: number
}

/** Rows begin .. end - 1, for {@link CostSource.visit}. */
export function rowRange(begin: number, end: number): Int32Array {
  return Int32Array.from({ length: end - begin }, (_, i) => begin + i)
}
