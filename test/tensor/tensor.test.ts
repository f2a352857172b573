import { describe, expect, it } from 'vitest'
import { transpose } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import {
  allocateTensor,
  elementBytes,
  elementCount,
  matrixOf,
  type Tensor,
  toFloat64,
} from '../../src/tensor/tensor.js'

/** 0, 1, 2, ... in the order of memory. */
function counting(shape: number[], fortranOrder: boolean): Tensor {
  const tensor = allocateTensor('f32', shape, fortranOrder, 'test')
  const data = tensor.data as Float32Array
  data.forEach((_, i) => {
    data[i] = i
  })
  return tensor
}

describe('toFloat64', () => {
  it.each([
    ['C order', [2, 3], false, [0, 1, 2, 3, 4, 5]],
    ['Fortran order', [2, 3], true, [0, 2, 4, 1, 3, 5]],
    ['Fortran order of rank 3', [2, 1, 2], true, [0, 2, 1, 3]],
    ['a scalar', [], false, [0]],
    ['nothing', [3, 0], false, []],
  ])('gives row-major numbers of %s', (_, shape, fortranOrder, expected) => {
    expect([...toFloat64(counting(shape, fortranOrder))]).toEqual(expected)
  })

  it('widens every type exactly, 64-bit integers to the nearest number', () => {
    const of = (data: Tensor['data'], dtype: Tensor['dtype']) => [
      ...toFloat64({ data, dtype, shape: [data.length], strides: [1] }),
    ]
    expect(of(Uint16Array.of(0x3c00, 0x0001), 'f16')).toEqual([1, 2 ** -24])
    expect(of(Uint16Array.of(0x3c00, 0x0001), 'bf16')).toEqual([0.0078125, 2 ** -133])
    expect(of(Uint16Array.of(0x3c00, 0x0001), 'u16')).toEqual([0x3c00, 1])
    expect(of(BigInt64Array.of(-5n, 2n ** 62n), 'i64')).toEqual([-5, 2 ** 62])
  })
})

describe('matrixOf and readRow', () => {
  it('sees rows and columns in either order and either way round', () => {
    const rows = [
      [0, 1, 2],
      [3, 4, 5],
    ]
    const columns = [
      [0, 3],
      [1, 4],
      [2, 5],
    ]
    const c = matrixOf(counting([2, 3], false))
    const fortran = matrixOf(counting([3, 2], true))
    expect(rows.map((_, i) => [...readRow(c, i)])).toEqual(rows)
    expect(columns.map((_, i) => [...readRow(transpose(c), i)])).toEqual(columns)
    expect(columns.map((_, i) => [...readRow(fortran, i)])).toEqual(columns)
    expect([...readRow({ ...c, rows: 1, offset: 3 }, 0)]).toEqual([3, 4, 5])
  })

  it.each([
    ['rank 1', allocateTensor('f32', [3], false, 'test')],
    ['integers', allocateTensor('i32', [3, 3], false, 'test')],
  ])('refuses %s', (_, tensor) => {
    expect(() => matrixOf(tensor)).toThrow(RangeError)
  })
})

describe('allocateTensor', () => {
  it('shares its memory and has the size of its type', () => {
    const tensor = allocateTensor('bf16', [3, 5], false, 'test')
    expect(tensor.data.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(tensor.data.byteLength).toBe(elementCount([3, 5]) * elementBytes('bf16'))
  })

  it('names what does not fit in memory', () => {
    const impossible = () => allocateTensor('f64', [2 ** 50], false, 'weights.npz: W_enc')
    expect(impossible).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
    expect(impossible).toThrow(/weights\.npz: W_enc needs 9007199254740992 bytes/)
  })
})
