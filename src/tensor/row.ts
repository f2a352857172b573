import type { Matrix } from './matrix.js'
import { elementReader } from './tensor.js'

/** Row i of a matrix, widened exactly: [columns]. For single rows; loops over big matrices belong to a backend. */
export function readRow({ data, dtype, columns, rowStride, columnStride, offset }: Matrix, i: number): Float64Array {
  const valueAt = elementReader(data, dtype)
  return Float64Array.from({ length: columns }, (_, k) => valueAt(offset + i * rowStride + k * columnStride))
}
