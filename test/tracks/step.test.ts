import { describe, expect, it } from 'vitest'
import { match } from '../../src/matching/match.js'
import { checkSteps, invertStep, stepOf } from '../../src/tracks/step.js'
import { plantedPair } from '../matching/planted-pair.js'
import { handStep, randomSteps } from './steps.js'

describe('stepOf', () => {
  it('takes pairs, costs and cosines of a match, and who is nearest to whom', async () => {
    const { a, b } = plantedPair(5, 30, 6, 0.8)
    const found = await match(a, b, { backend: 'typescript', baselines: 'none' })
    const step = stepOf(found)
    expect(step).toMatchObject({
      aToB: found.aToB,
      columns: 30,
      cost: found.costs.total,
      cosine: found.cosines.decoder,
    })
    expect(step.mutual).toEqual(found.mutual)
    expect(new Set(step.mutual)).toEqual(new Set([0, 1]))
  })

  it('does not know who is nearest where the match did not look', async () => {
    const { a, b } = plantedPair(6, 10, 6, 0.1)
    const options = { backend: 'typescript', baselines: 'none', verify: 'shortlist' } as const
    expect(stepOf(await match(a, b, options)).mutual).toBeNull()
  })
})

describe('invertStep', () => {
  it('turns a 3-cycle round, and what belongs to its pairs with it', () => {
    const values = { cost: Float64Array.of(10, 20, 30), cosine: Float64Array.of(0.1, 0.2, 0.3) }
    const step = invertStep(handStep([1, 2, 0], 3, { ...values, mutual: Uint8Array.of(1, 0, 0) }))
    expect([...step.aToB]).toEqual([2, 0, 1])
    expect([...step.cost]).toEqual([30, 10, 20])
    expect([...step.cosine]).toEqual([0.3, 0.1, 0.2])
    expect([...step.mutual!]).toEqual([0, 1, 0])
  })

  it('leaves alone what has no partner', () => {
    const step = invertStep(handStep([3, -1], 4, { cost: Float64Array.of(7, Number.NaN) }))
    expect(step.columns).toBe(2)
    expect([...step.aToB]).toEqual([-1, -1, -1, 0])
    expect([...step.cost]).toEqual([Number.NaN, Number.NaN, Number.NaN, 7])
  })

  it.each([1, 2, 3])('twice is where one started (seed %i)', (seed) => {
    const [step] = randomSteps([40, 25], seed)
    expect(invertStep(invertStep(step))).toEqual(step)
  })
})

describe('checkSteps', () => {
  it.each([
    { steps: [], message: 'Expected at least one step for `steps`, got an array of length 0' },
    { steps: [handStep([0], 2), handStep([0], 1)], message: 'Expected the 2 features that the step before leads to' },
    { steps: [handStep([0], 1, { cost: Float64Array.of(1, 2) })], message: 'Expected 1 values for `steps[0].cost`' },
    { steps: [{ ...handStep([0], 1), aToB: [0] }], message: 'Expected an Int32Array for `steps[0].aToB`' },
    { steps: 3, message: 'Expected an array of steps for `steps`, got 3' },
  ])('refuses: $message', ({ steps, message }) => {
    expect(() => checkSteps(steps as never)).toThrow(message)
  })
})
