import type { MatrixCosts } from '../backend.js'
import { allocateMatrix } from './memory.js'

/** The matrix itself where its rows follow one another without gaps, otherwise a copy where they do. */
export function packRows(costs: MatrixCosts): MatrixCosts {
  const { data, rows, columns, rowStride } = costs
  if (rowStride === columns) return costs
  const packed = allocateMatrix(data.constructor as Float64ArrayConstructor, rows * columns)
  for (let i = 0; i < rows; i++) packed.set(data.subarray(i * rowStride, i * rowStride + columns), i * columns)
  return { ...costs, data: packed, rowStride: columns }
}
