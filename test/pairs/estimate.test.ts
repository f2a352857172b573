import { expect, it } from 'vitest'
import { createEstimate } from '../../src/pairs/estimate.js'

it('createEstimate measures the rest by the work that is done, failures aside', () => {
  let time = 1000
  const estimate = createEstimate(10, [1, 2, 3, 4], () => time)
  expect(estimate.now()).toEqual({ pairsDone: 6, pairsTotal: 10, millisecondsLeft: null })
  time += 500
  estimate.failed(2)
  expect(estimate.now()).toEqual({ pairsDone: 7, pairsTotal: 10, millisecondsLeft: null })
  estimate.finished(1)
  expect(estimate.now()).toEqual({ pairsDone: 8, pairsTotal: 10, millisecondsLeft: 1250 })
  estimate.finished(0)
  estimate.finished(3)
  expect(estimate.now()).toEqual({ pairsDone: 10, pairsTotal: 10, millisecondsLeft: 0 })
})
