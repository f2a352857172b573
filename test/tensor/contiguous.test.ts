import { describe, expect, it } from 'vitest'
import { contiguousRows, widenedRows } from '../../src/tensor/contiguous.js'
import { type Matrix, rowMajor, transpose } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'

const rowsOf = (matrix: Matrix) => Array.from({ length: matrix.rows }, (_, i) => [...readRow(matrix, i)])
/** 130 x 70, so that squares of 64 are cut on both sides. */
const bits = rowMajor(
  Uint16Array.from({ length: 9100 }, (_, i) => 0x3c00 + i),
  'f16',
  130,
  70,
)

describe('contiguousRows', () => {
  it('gives a matrix whose rows lie side by side back', () => {
    expect(contiguousRows(bits)).toBe(bits)
    const part: Matrix = { ...bits, columns: 3, offset: 5 }
    expect(contiguousRows(part)).toBe(part)
  })

  it('copies a transposed one in its stored type', () => {
    const copy = contiguousRows(transpose(bits))
    expect(copy).toMatchObject({ dtype: 'f16', rows: 70, columns: 130, rowStride: 130, columnStride: 1, offset: 0 })
    expect(rowsOf(copy)).toEqual(rowsOf(transpose(bits)))
  })
})

describe('widenedRows', () => {
  it('takes f32 and f64 as they are where rows follow each other', () => {
    const data = Float32Array.of(0, 1, 2, 3, 4, 5)
    const matrix: Matrix = { ...rowMajor(data, 'f32', 3, 2), rows: 2, offset: 2 }
    const widened = widenedRows(matrix)
    expect(widened).toEqual(Float32Array.of(2, 3, 4, 5))
    expect(widened.buffer).toBe(data.buffer)
  })

  it.each([
    ['transposed f16', transpose(bits)],
    ['f16', bits],
    ['bf16', rowMajor(Uint16Array.of(0x3f80, 0x4049, 0xc000, 0x0001), 'bf16', 2, 2)],
    ['transposed f64', transpose(rowMajor(Float64Array.of(1 / 3, 2, 3, 4, 5, 6), 'f64', 2, 3))],
    ['rows with gaps', { ...rowMajor(Float32Array.of(1, 2, 3, 4, 5, 6), 'f32', 2, 3), columns: 2 }],
  ])('widens exactly: %s', (_, matrix) => {
    expect([...widenedRows(matrix)]).toEqual(rowsOf(matrix).flat())
  })
})
