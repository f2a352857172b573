import { describe, expect, it } from 'vitest'
import { bf16ToNumber, f16Table, f16ToNumber } from '../../src/tensor/half.js'
import { needsPython, python, runPython } from '../helpers/python.js'

describe('f16', () => {
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x83ff, -1023 * 2 ** -24],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e01, Number.NaN],
  ])('%i is %d', (bits, value) => {
    expect(f16ToNumber(bits)).toBe(value)
  })

  it.skipIf(python === null)(`agrees with numpy on every pattern${needsPython}`, () => {
    const printed = runPython(
      'import numpy; print(numpy.arange(65536, dtype="<u2").view("<f2").astype("<f4").tobytes().hex())',
    )
    const expected = new Float32Array(Uint8Array.from(Buffer.from(printed.trim(), 'hex')).buffer)
    expect(f16Table()).toEqual(expected)
  })
})

describe('bf16', () => {
  it.each([
    [0x0000, 0],
    [0x3f80, 1],
    [0xc040, -3],
    [0x0001, 2 ** -133],
    [0x7f7f, 255 * 2 ** 120],
    [0x7f80, Number.POSITIVE_INFINITY],
    [0xff81, Number.NaN],
  ])('%i is %d', (bits, value) => {
    expect(bf16ToNumber(bits)).toBe(value)
  })
})
