import type { CostSource, RowVisitor } from './source.js'

/**
 * The exact costs of a row-major matrix [rows, columns], in memory. A class, because all sources then share their
 * methods: the engine keeps its compiled loops from one problem to the next.
 */
export class MatrixSource implements CostSource {
  readonly rows: number
  readonly columns: number
  readonly exact = true
  readonly exactCosts = 0
  private readonly data: Float32Array | Float64Array
  /** Rows of f32 are widened into this one at a time, so that every loop over costs meets one array type. */
  private readonly widened: Float64Array | null

  constructor(data: Float32Array | Float64Array, rows: number, columns: number) {
    this.data = data
    this.rows = rows
    this.columns = columns
    this.widened = data instanceof Float64Array ? null : new Float64Array(columns)
  }

  get entries(): number {
    return this.rows * this.columns
  }

  rowEntries(): number {
    return this.columns
  }

  visit(rows: ArrayLike<number>, visitor: RowVisitor): void {
    const { data, columns, widened } = this
    for (let r = 0; r < rows.length; r++) {
      const row = data.subarray(rows[r] * columns, (rows[r] + 1) * columns)
      widened?.set(row)
      visitor(rows[r], widened ?? (row as Float64Array), null)
    }
  }

  cost(row: number, column: number): number {
    return this.data[row * this.columns + column]
  }

  allowedColumns(): null {
    return null
  }

  identical(row: number, other: number): boolean {
    const { data, columns } = this
    const start = row * columns
    const otherStart = other * columns
    for (let j = 0; j < columns; j++) if (data[start + j] !== data[otherStart + j]) return false
    return true
  }

  slack(): number {
    return 0
  }
}
