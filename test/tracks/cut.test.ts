import { describe, expect, it } from 'vitest'
import { cutSteps } from '../../src/tracks/cut.js'
import { handStep } from './steps.js'

const step = handStep([3, 2, 1, 0, -1], 4, {
  cost: Float64Array.of(1, 2, 3, 4, Number.NaN),
  cosine: Float64Array.of(0.9, 0.1, Number.NaN, 0.5, Number.NaN),
  mutual: Uint8Array.of(0, 1, 1, 1, 0),
})

describe('cutSteps', () => {
  it.each([
    { cut: {}, kept: [3, 2, 1, 0, -1] },
    { cut: { cost: 2 }, kept: [3, 2, -1, -1, -1] },
    { cut: { cost: 1.999 }, kept: [3, -1, -1, -1, -1] },
    { cut: { cosine: 0.5 }, kept: [3, -1, -1, 0, -1] },
    { cut: { cosine: -1 }, kept: [3, 2, -1, 0, -1] },
    { cut: { mutual: true }, kept: [-1, 2, 1, 0, -1] },
    { cut: { mutual: false }, kept: [3, 2, 1, 0, -1] },
    { cut: { cost: 3, cosine: 0, mutual: true }, kept: [-1, 2, -1, -1, -1] },
    { cut: { cost: Infinity }, kept: [3, 2, 1, 0, -1] },
  ])('$cut', ({ cut, kept }) => {
    const [cutStep] = cutSteps([step], cut)
    expect([...cutStep.aToB]).toEqual(kept)
    for (const [i, j] of kept.entries()) {
      expect(cutStep.cost[i]).toBe(j === -1 ? Number.NaN : step.cost[i])
      expect(cutStep.mutual![i]).toBe(j === -1 ? 0 : step.mutual![i])
    }
  })

  it.each([
    { cut: { cosin: 0.5 }, message: 'Unknown option `cosin`. Did you mean `cosine`?' },
    { cut: { cost: '3' }, message: 'Expected a number for `cost`, got "3"' },
    { cut: { cosine: Number.NaN }, message: 'Expected a number for `cosine`, got NaN' },
    { cut: { mutual: 1 }, message: 'Expected true or false for `mutual`, got 1' },
  ])('refuses $cut', ({ cut, message }) => {
    expect(() => cutSteps([step], cut as never)).toThrow(message)
  })

  it('refuses to guess who is nearest', () => {
    const blind = { ...step, mutual: null }
    expect(cutSteps([blind], { cost: 2 })[0].mutual).toBeNull()
    expect(() => cutSteps([blind], { mutual: true })).toThrow('`steps[0].mutual`')
  })
})
