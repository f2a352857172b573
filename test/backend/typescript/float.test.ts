import { describe, expect, it } from 'vitest'
import { compensatedSum, differenceError, nextDown, sumRoundedDown } from '../../../src/backend/typescript/float.js'
import { mulberry32 } from '../../helpers/random.js'

/** A finite double as an integer multiple of 2^-1074. */
function exact(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const exponent = Number((word >> 52n) & 0x7ffn)
  const fraction = word & 0xfffffffffffffn
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1)
  return word >> 63n ? -size : size
}

const random = mulberry32(5)
const anyNumber = () => (random() - 0.5) * 2 ** Math.floor(random() * 60 - 30)

describe('differenceError', () => {
  it('is what rounding took away, exactly', () => {
    for (let round = 0; round < 2000; round++) {
      const [a, b] = [anyNumber(), anyNumber()]
      expect(exact(a - b) + exact(differenceError(a, b, a - b))).toBe(exact(a) - exact(b))
    }
  })
})

describe('sumRoundedDown', () => {
  it('is never above the exact sum, and equal to it where that is a double', () => {
    for (let round = 0; round < 2000; round++) {
      const [a, b] = [anyNumber(), anyNumber()]
      const rest = -Math.abs(a + b) * 2 ** -60 * random()
      expect(exact(sumRoundedDown(a, b, rest)) <= exact(a) + exact(b) + exact(rest)).toBe(true)
    }
    expect(sumRoundedDown(3, 4, 0)).toBe(7)
  })
})

describe('nextDown', () => {
  it.each([
    [1, 1 - 2 ** -53],
    [-1, -1 - 2 ** -52],
    [0, -Number.MIN_VALUE],
    [Number.MIN_VALUE, 0],
    [-Number.MIN_VALUE, -2 * Number.MIN_VALUE],
    [2 ** 52, 2 ** 52 - 0.5],
  ])('%d -> %d', (value, below) => expect(nextDown(value)).toBe(below))
})

describe('compensatedSum', () => {
  it.each([
    ['cancellation', [1, 1e100, 1, -1e100], 2],
    ['small terms after a large one', [2 ** 53, ...new Array(1000).fill(1)], 2 ** 53 + 1000],
    ['nothing', [], 0],
  ])('keeps the digits: %s', (_, values, sum) => {
    expect(compensatedSum(values)).toBe(sum)
    expect(compensatedSum(values.slice(0, 1), values.slice(1))).toBe(sum)
  })
})
