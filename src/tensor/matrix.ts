import { wrongValue } from '../errors.js'

/** How numbers are stored. `f16` and `bf16` are kept as the 16-bit patterns of the file. */
export type Dtype = 'f16' | 'bf16' | 'f32' | 'f64'

/** The array type that holds a {@link Dtype}: half precision types as `Uint16Array` (Node 20 has no `Float16Array`). */
export type StoredArray = Uint16Array | Float32Array | Float64Array

/**
 * A strided view of stored numbers, never a copy.
 * Element (i, k) is `data[offset + i * rowStride + k * columnStride]`; strides and offset count elements.
 */
export interface Matrix {
  readonly data: StoredArray
  readonly dtype: Dtype
  readonly rows: number
  readonly columns: number
  readonly rowStride: number
  readonly columnStride: number
  readonly offset: number
}

/** Bytes of one element. */
export const bytesPerElement: Record<Dtype, number> = { f16: 2, bf16: 2, f32: 4, f64: 8 }

/** A row-major matrix over `data`, which must hold exactly `rows * columns` elements. */
export function rowMajor(data: StoredArray, dtype: Dtype, rows: number, columns: number): Matrix {
  if (data.length !== rows * columns) {
    throw wrongValue('data', `${rows * columns} elements (${rows} x ${columns})`, data)
  }
  return { data, dtype, rows, columns, rowStride: columns, columnStride: 1, offset: 0 }
}

/** The same numbers with rows and columns exchanged. */
export function transpose(matrix: Matrix): Matrix {
  const { data, dtype, rows, columns, rowStride, columnStride, offset } = matrix
  return { data, dtype, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride, offset }
}
