import type { Matrix, StoredArray } from './matrix.js'
import { allocateTensor, elementReader, matrixOf } from './tensor.js'

/** Rows and columns of the squares in which a transposed matrix is copied, so that both sides stay in cache. */
const square = 64

/**
 * The same numbers, stored as before, with the numbers of a row side by side: the matrix itself where they are.
 * @throws `OUT_OF_MEMORY`
 */
export function contiguousRows(matrix: Matrix): Matrix {
  const { data, dtype, rows, columns, columnStride } = matrix
  if (columnStride === 1) return matrix
  const copy = matrixOf(allocateTensor(dtype, [rows, columns], false, 'A matrix in the order of its rows'))
  copyInSquares(matrix, copy.data, (index) => data[index])
  return copy
}

/** The numbers of a matrix in row-major order, widened exactly: f64 stays, everything else becomes f32. */
export function widenedRows(matrix: Matrix): Float32Array | Float64Array {
  const { data, dtype, rows, columns, rowStride, columnStride, offset } = matrix
  const asStored = columnStride === 1 && rowStride === columns
  if (asStored && !(data instanceof Uint16Array)) return data.subarray(offset, offset + rows * columns)
  const widened = dtype === 'f64' ? new Float64Array(rows * columns) : new Float32Array(rows * columns)
  copyInSquares(matrix, widened, elementReader(data, dtype))
  return widened
}

function copyInSquares(
  { rows, columns, rowStride, columnStride, offset }: Matrix,
  out: StoredArray,
  valueAt: (index: number) => number,
): void {
  for (let i0 = 0; i0 < rows; i0 += square) {
    for (let k0 = 0; k0 < columns; k0 += square) {
      for (let i = i0; i < Math.min(rows, i0 + square); i++) {
        for (let k = k0; k < Math.min(columns, k0 + square); k++) {
          out[i * columns + k] = valueAt(offset + i * rowStride + k * columnStride)
        }
      }
    }
  }
}
