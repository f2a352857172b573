import { expect, it } from 'vitest'
import { createEstimate } from '../../src/pairs/estimate.js'

it('createEstimate measures the rest by the work that is done, failures aside', () => {
  let time = 1000
  const estimate = createEstimate(10, [1, 2, 3, 4], () => time)
  expect(estimate.now()).toEqual({ pairsDone: 6, pairsTotal: 10, millisecondsLeft: null })
  for (const place of [0, 1, 2]) estimate.begun(place)
  time += 500
  estimate.failed(2)
  expect(estimate.now()).toEqual({ pairsDone: 7, pairsTotal: 10, millisecondsLeft: null })
  // 2 are done and half of 1 is, of 7 in all
  estimate.finished(1)
  expect(estimate.now()).toEqual({ pairsDone: 8, pairsTotal: 10, millisecondsLeft: 200 * 4.5 })
  estimate.finished(0)
  estimate.begun(3)
  estimate.finished(3)
  expect(estimate.now()).toEqual({ pairsDone: 10, pairsTotal: 10, millisecondsLeft: 0 })
})

it('createEstimate is not misled by the first of many pairs at once', () => {
  let time = 0
  const estimate = createEstimate(40, Array(40).fill(1), () => time)
  const rounds = Array.from({ length: 10 }, (_, round) => [0, 1, 2, 3].map((k) => 4 * round + k))
  for (const place of rounds[0]) estimate.begun(place)
  for (const [round, places] of rounds.entries()) {
    time += 1000
    for (const place of places) {
      estimate.finished(place)
      if (round < 9) estimate.begun(place + 4)
      const left = 1000 * (9 - round)
      const error = Math.abs(estimate.now().millisecondsLeft! - left)
      // at first it may take those that are as good as finished for half done; the first alone would be off by 300 %
      expect(error).toBeLessThan(round === 0 ? 0.6 * left : 0.2 * left + 501)
    }
  }
})
