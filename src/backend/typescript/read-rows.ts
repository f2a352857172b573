import { bf16ToNumber, f16Table } from '../../tensor/half.js'
import type { Dtype, Matrix } from '../../tensor/matrix.js'

/**
 * out[start + r * stride + k] = scale * stored for the rows `numbers[r]` of a matrix, the product rounded once to f64.
 * Several rows at once, because a transposed tensor is read column by column.
 * @param scale [matrix.rows], null for 1
 */
export function readRows(
  matrix: Matrix,
  scale: Float64Array | null,
  numbers: ArrayLike<number>,
  out: Float64Array,
  start: number,
  stride: number,
): void {
  const { columns, columnStride, rowStride } = matrix
  if (columnStride === 1) copyRows(matrix, numbers, out, start, stride)
  else if (columnStride < rowStride) gatherByRow(matrix, numbers, out, start, stride)
  else gatherByColumn(matrix, numbers, out, start, stride)
  for (let r = 0; r < numbers.length; r++) {
    const row = out.subarray(start + r * stride, start + r * stride + columns)
    decode(matrix.dtype, row)
    if (scale === null) continue
    const factor = scale[numbers[r]]
    for (let k = 0; k < columns; k++) row[k] *= factor
  }
}

// These move numbers as they are stored; half precision comes as bit patterns.

function copyRows(
  { data, columns, rowStride, offset }: Matrix,
  numbers: ArrayLike<number>,
  out: Float64Array,
  start: number,
  stride: number,
): void {
  for (let r = 0; r < numbers.length; r++) {
    const from = offset + numbers[r] * rowStride
    out.set(data.subarray(from, from + columns), start + r * stride)
  }
}

function gatherByRow(
  { data, columns, rowStride, columnStride, offset }: Matrix,
  numbers: ArrayLike<number>,
  out: Float64Array,
  start: number,
  stride: number,
): void {
  for (let r = 0; r < numbers.length; r++) {
    const from = offset + numbers[r] * rowStride
    const to = start + r * stride
    for (let k = 0; k < columns; k++) out[to + k] = data[from + k * columnStride]
  }
}

function gatherByColumn(
  { data, columns, rowStride, columnStride, offset }: Matrix,
  numbers: ArrayLike<number>,
  out: Float64Array,
  start: number,
  stride: number,
): void {
  for (let k = 0; k < columns; k++) {
    const from = offset + k * columnStride
    const to = start + k
    for (let r = 0; r < numbers.length; r++) out[to + r * stride] = data[from + numbers[r] * rowStride]
  }
}

/** Bit patterns become the numbers they stand for. */
function decode(dtype: Dtype, row: Float64Array): void {
  if (dtype === 'f16') {
    const table = f16Table()
    for (let k = 0; k < row.length; k++) row[k] = table[row[k]]
  } else if (dtype === 'bf16') {
    for (let k = 0; k < row.length; k++) row[k] = bf16ToNumber(row[k])
  }
}
