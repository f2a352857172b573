/**
 * A matrix in compressed sparse rows, with the names that scipy.sparse.csr_array gives its parts: the entries of row i
 * are `data[e]` in column `indices[e]` for `indptr[i] <= e < indptr[i + 1]`. The columns of a row may come in any order.
 */
export interface SparseMatrix {
  /** [rows + 1] from 0 up to the number of entries. A `Float64Array` can count more than 2^31 - 1 of them. */
  readonly indptr: Int32Array | Float64Array
  /** [entries] */
  readonly indices: Int32Array
  /** [entries] */
  readonly data: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
}
