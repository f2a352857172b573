import { describe, expect, it } from 'vitest'
import type { Container, TensorEntry } from '../../src/formats/container.js'
import { matrixSliceReader } from '../../src/formats/slice.js'
import { matrixReader, vectorReader } from '../../src/formats/stored-tensors.js'

function containerOf(tensors: Iterable<readonly [string, TensorEntry]>): Container {
  const unread = () => {
    throw new Error('only headers may be looked at')
  }
  return {
    file: { path: 'weights.safetensors', bytes: 0, modified: 0 },
    tensors: new Map(tensors),
    read: unread,
    readRows: unread,
    close: unread,
  }
}

describe('headers', () => {
  it('names what is there beside a missing tensor, but no file of tensors without end', () => {
    const many = Array.from({ length: 5000 }, (_, i) => [`layer.${i}`, { dtype: 'f32', shape: [1] }] as const)
    const missing = (count: number) => () => vectorReader(containerOf(many.slice(0, count)), 'b_dec', 3)
    const error = expect.objectContaining({ code: 'TENSOR_MISSING' })
    expect(missing(2)).toThrow(error)
    expect(missing(2)).toThrow('weights.safetensors: expected tensor b_dec [3], found layer.0 layer.1')
    expect(missing(5000)).toThrow(/ layer\.19 and 4980 more$/)
    expect(missing(0)).toThrow(/found no tensors$/)
  })

  it('refuses integers for weights, whole or one of several', () => {
    const whole = containerOf([['w', { dtype: 'i32', shape: [3, 2] }]])
    const several = containerOf([['w', { dtype: 'i32', shape: [4, 3, 2] }]])
    const error = expect.objectContaining({
      code: 'TENSOR_DTYPE',
      message: 'weights.safetensors: tensor w: expected f16, bf16, f32 or f64, found i32',
    })
    expect(() => matrixReader(whole, 'w', { rows: 3, columns: 2, squareIsTransposed: false })).toThrow(error)
    expect(() => matrixSliceReader(several, 'w', { rows: 3, columns: 2, count: 4, axis: 0, index: 0 })).toThrow(error)
  })
})
