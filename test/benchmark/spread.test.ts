import { expect, it } from 'vitest'
import { spread } from '../../src/benchmark/spread.js'

it.each([
  { values: [3], expected: { median: 3, least: 3, most: 3 } },
  { values: [10, 9, 2], expected: { median: 9, least: 2, most: 10 } },
  { values: [4, 1, 3, 100], expected: { median: 3.5, least: 1, most: 100 } },
])('the spread of $values', ({ values, expected }) => {
  expect(spread(values)).toEqual(expected)
})
