import { describe, expect, it } from 'vitest'
import { readRows } from '../../../src/backend/typescript/read-rows.js'
import type { Matrix } from '../../../src/tensor/matrix.js'
import { readRow } from '../../../src/tensor/row.js'
import { mulberry32 } from '../../helpers/random.js'

const random = mulberry32(1)
const arrays = {
  f16: Uint16Array.from({ length: 200 }, () => Math.floor(random() * 0x7c00)),
  bf16: Uint16Array.from({ length: 200 }, () => Math.floor(random() * 0x7f80)),
  f32: Float32Array.from({ length: 200 }, () => random() - 0.5),
  f64: Float64Array.from({ length: 200 }, () => random() - 0.5),
}
/** Six rows of seven numbers, in every order of strides. */
const layouts = {
  'side by side': { rowStride: 7, columnStride: 1 },
  'with gaps': { rowStride: 20, columnStride: 2 },
  transposed: { rowStride: 1, columnStride: 6 },
  'transposed, with gaps': { rowStride: 2, columnStride: 15 },
  'all the same': { rowStride: 0, columnStride: 1 },
}
const dtypes = Object.keys(arrays) as (keyof typeof arrays)[]
const cases = dtypes.flatMap((dtype) =>
  Object.entries(layouts).map(([layout, strides]) => ({ dtype, layout, strides })),
)

describe('readRows', () => {
  it.each(cases)('reads $dtype rows $layout, scaled or not, in any order', ({ dtype, strides }) => {
    const matrix: Matrix = { data: arrays[dtype], dtype, rows: 6, columns: 7, offset: 3, ...strides }
    const numbers = [4, 0, 5, 4]
    const scale = Float64Array.from({ length: 6 }, () => random() + 0.1)
    for (const factors of [null, scale]) {
      const out = new Float64Array(50).fill(-1)
      readRows(matrix, factors, numbers, out, 2, 10)
      const expected = new Float64Array(50).fill(-1)
      for (const [r, row] of numbers.entries()) {
        expected.set(
          readRow(matrix, row).map((value) => value * (factors?.[row] ?? 1)),
          2 + r * 10,
        )
      }
      expect(out).toEqual(expected)
    }
  })
})
