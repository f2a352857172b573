import { expect, it } from 'vitest'
import { dotProduct, squaredDistance } from '../../../src/backend/typescript/lane-sum.js'
import { mulberry32 } from '../../helpers/random.js'

/** The order as it is written down: term k in lane k mod 8, lanes in a fixed tree. */
function inLanes(terms: number[]): number {
  const s = new Array<number>(8).fill(0)
  terms.forEach((term, k) => {
    s[k % 8] += term
  })
  return s[0] + s[4] + (s[2] + s[6]) + (s[1] + s[5] + (s[3] + s[7]))
}

it.each([0, 1, 7, 8, 9, 16, 23, 1153])('sums %d terms in the order of the lanes', (width) => {
  const random = mulberry32(width)
  const x = Float64Array.from({ length: width + 3 }, () => (random() - 0.5) * 2 ** Math.floor(20 * random()))
  const y = Float64Array.from({ length: width + 5 }, () => (random() - 0.5) * 2 ** Math.floor(20 * random()))
  const at = Array.from({ length: width }, (_, k) => k)
  expect(squaredDistance(x, 3, y, 5, width)).toBe(inLanes(at.map((k) => (x[3 + k] - y[5 + k]) ** 2)))
  expect(dotProduct(x, 3, y, 5, width)).toBe(inLanes(at.map((k) => x[3 + k] * y[5 + k])))
})

it('depends on that order', () => {
  const x = Float64Array.of(2 ** 30, 1, 1, 1, 1, 1, 1, 1, 2 ** 30)
  const y = Float64Array.from(x, () => 1)
  expect(
    dotProduct(
      x.map((value) => value * (1 + 2 ** -52)),
      0,
      y,
      0,
      9,
    ),
  ).not.toBeNaN()
  const forward = Float64Array.of(1, ...new Array(7).fill(0), 2 ** -53, ...new Array(7).fill(0), 2 ** -53)
  const oneLane = dotProduct(
    forward,
    0,
    forward.map(() => 1),
    0,
    17,
  )
  expect(oneLane).toBe(1)
  expect(forward.reduce((sum, value) => value + sum, 0)).toBe(1)
  const otherLane = forward.slice()
  otherLane[15] = otherLane[16]
  otherLane[16] = 0
  otherLane[9] = otherLane[8]
  otherLane[8] = 0
  expect(
    dotProduct(
      otherLane,
      0,
      otherLane.map(() => 1),
      0,
      17,
    ),
  ).toBe(1 + 2 ** -52)
})
