import { expect, it } from 'vitest'
import { comparable, duration, percent, significant, size, whole } from '../../src/cli/numbers.js'

it.each([
  [0, '0'],
  [1234567, '1,234,567'],
  [12.3456, '12.35'],
  [0.00123456, '0.001235'],
  [1.23456e-9, '1.235e-9'],
  [-0.5, '-0.5000'],
  [999.96, '1,000.0'],
  [Number.NaN, '-'],
  [Number.POSITIVE_INFINITY, 'inf'],
])('significant(%d) is %s', (value, text) => {
  expect(significant(value)).toBe(text)
})

it.each([
  [0.4, '0 ms'],
  [999, '999 ms'],
  [3449, '3.4 s'],
  [125_000, '2 min 5 s'],
  [3_780_000, '1 h 3 min'],
])('duration(%d) is %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500_000, '1.5 MB'],
  [4e9, '4.0 GB'],
])('size(%d) is %s', (bytes, text) => {
  expect(size(bytes)).toBe(text)
})

it('percent and whole', () => {
  expect(percent(0.4873)).toBe('48.7 %')
  expect(percent(Number.NaN)).toBe('-')
  expect(whole(1024)).toBe('1,024')
})

it.each([
  { values: [1527.654, 801.5458, 2056.17], texts: ['1,527.7', '801.5', '2,056.2'] },
  { values: [0.57691, 0.08772, 1.19412], texts: ['0.5769', '0.0877', '1.1941'] },
  { values: [9.768e-5, 1.5152e-4], texts: ['9.77e-5', '1.52e-4'] },
  { values: [3e12, 2], texts: ['3.00e+12', '2.00e+0'] },
  { values: [0, Number.NaN, 2], texts: ['0.000', '-', '2.000'] },
  { values: [0, 0], texts: ['0', '0'] },
])('comparable($values)', ({ values, texts }) => {
  expect(comparable(values)).toEqual(texts)
})
