import { describe, expect, it } from 'vitest'
import { agreement, composeSteps, cycleConsistency } from '../../src/tracks/composition.js'
import { invertStep } from '../../src/tracks/step.js'
import { handStep, randomSteps } from './steps.js'

describe('composeSteps', () => {
  it.each([
    { steps: [handStep([1, 2, 0], 3), handStep([1, 0, 2], 3)], aToC: [0, 2, 1] },
    { steps: [handStep([1, 0, 2], 3), handStep([1, 2, 0], 3)], aToC: [2, 1, 0] },
    { steps: [handStep([1, 2, 0], 3), handStep([1, 2, 0], 3)], aToC: [2, 0, 1] },
    { steps: [handStep([2, -1, 0], 4), handStep([5, 1, -1, 0], 6)], aToC: [-1, -1, 5] },
    { steps: [handStep([1, -1], 2)], aToC: [1, -1] },
  ])('takes the first step first: $aToC', ({ steps, aToC }) => {
    expect([...composeSteps(steps).aToC]).toEqual(aToC)
  })

  it('adds up what the steps of a feature cost, and finds the dearest', () => {
    const composition = composeSteps([
      handStep([1, 2, 0, -1], 3, { cost: Float64Array.of(1, 2, 3, Number.NaN) }),
      handStep([-1, 3, 0], 4, { cost: Float64Array.of(Number.NaN, 20, 0.5) }),
      handStep([2, 1, 0, -1], 3, { cost: Float64Array.of(7, 8, 9, Number.NaN) }),
    ])
    expect([...composition.aToC]).toEqual([-1, 2, -1, -1])
    expect(composition.columns).toBe(3)
    expect([...composition.costSum]).toEqual([Number.NaN, 2 + 0.5 + 7, Number.NaN, Number.NaN])
    expect([...composition.costMaximum]).toEqual([Number.NaN, 7, Number.NaN, Number.NaN])
  })

  it.each([11, 12, 13])('costs what a walk from layer to layer costs (seed %i)', (seed) => {
    const steps = randomSteps([30, 45, 20, 35], seed, 0.1)
    const { aToC, costSum, costMaximum } = composeSteps(steps)
    for (let i = 0; i < 30; i++) {
      const costs: number[] = []
      let at = i
      for (const step of steps) {
        if (at === -1) break
        costs.push(step.cost[at])
        at = step.aToB[at]
      }
      expect(aToC[i]).toBe(at)
      expect(costSum[i]).toBe(at === -1 ? Number.NaN : costs[0] + costs[1] + costs[2])
      expect(costMaximum[i]).toBe(at === -1 ? Number.NaN : Math.max(...costs))
    }
    expect(aToC.some((k) => k !== -1)).toBe(true)
  })

  it('leaves its steps as they were', () => {
    const [step] = randomSteps([5, 5], 1)
    const before = structuredClone(step)
    composeSteps([step]).aToC.fill(9)
    composeSteps([step]).costSum.fill(9)
    expect(step).toEqual(before)
  })

  it('refuses steps that do not follow one another', () => {
    expect(() => composeSteps([handStep([0], 2), handStep([0], 1)])).toThrow('`steps[1].aToB`')
  })
})

describe('agreement', () => {
  it('counts over what is matched in both', () => {
    const { byFeature, ...counts } = agreement(Int32Array.of(0, 1, 2, -1, -1), Int32Array.of(0, 2, -1, 3, -1))
    expect(counts).toEqual({ same: 1, compared: 2, share: 0.5 })
    expect([...byFeature]).toEqual([1, 0, -1, -1, -1])
  })

  it('has no share of nothing', () => {
    expect(agreement(Int32Array.of(-1), Int32Array.of(0)).share).toBeNaN()
  })

  it('refuses matchings of different layers', () => {
    expect(() => agreement(Int32Array.of(0), Int32Array.of(0, 1))).toThrow('Expected 1 indices for `direct`')
  })
})

describe('cycleConsistency', () => {
  it('is 1 where the last step goes back the way the others came', () => {
    const steps = randomSteps([12, 20, 16], 3, 0.2)
    const { aToC, columns, costSum } = composeSteps(steps)
    const back = invertStep({ aToB: aToC, columns, cost: costSum, cosine: costSum, mutual: null })
    const arrived = aToC.filter((k) => k !== -1).length
    expect(arrived).toBeGreaterThan(0)
    expect(cycleConsistency([...steps, back])).toEqual({ returned: arrived, compared: arrived, share: 1 })
  })

  it('tells a 3-cycle from its inverse', () => {
    const cycle = handStep([1, 2, 0], 3)
    expect(cycleConsistency([cycle, cycle, cycle]).share).toBe(1)
    expect(cycleConsistency([cycle, cycle])).toEqual({ returned: 0, compared: 3, share: 0 })
    expect(cycleConsistency([cycle, invertStep(cycle)]).share).toBe(1)
  })

  it('counts only what gets round', () => {
    const steps = [handStep([1, 0, -1], 2), handStep([1, 2], 3)]
    expect(cycleConsistency(steps)).toEqual({ returned: 1, compared: 2, share: 0.5 })
  })

  it('refuses a path that ends in another layer', () => {
    expect(() => cycleConsistency([handStep([0, 1], 3)])).toThrow('the 2 features that the cycle begins with')
  })
})
