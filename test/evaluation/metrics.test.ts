import { describe, expect, it } from 'vitest'
import { ApproximationError, type Fidelity, Spread } from '../../src/evaluation/metrics.js'
import { mulberry32 } from '../helpers/random.js'
import { normals } from '../helpers/synthetic-sae.js'

const [tokens, d] = [200, 7]
const random = mulberry32(2)
/** Far from 0, as hidden states are: sums of squares without a shift would lose everything. */
const states = Array.from({ length: tokens }, () => normals(random, d).map((value, k) => 1e6 * (k + 1) + value))

function fidelity(approximated: readonly Float64Array[], x: readonly Float64Array[] = states): Fidelity {
  const target = new Spread(x[0].length)
  const error = new ApproximationError(x[0].length)
  x.forEach((state, t) => {
    target.add(state)
    error.add(approximated[t], state)
  })
  return error.fidelity(target)
}

const meanState = Float64Array.from({ length: d }, (_, k) => states.reduce((sum, state) => sum + state[k], 0) / tokens)
const total = states.reduce((sum, state) => sum + state.reduce((s, value, k) => s + (value - meanState[k]) ** 2, 0), 0)

describe('explained variance', () => {
  it('is 1 for a perfect approximation', () => {
    expect(fidelity(states)).toEqual({ explainedVariance: 1, fvu: 0, evVar: 1, fvuVar: 0, evDim: 1 })
  })

  it('is 0 for the mean state', () => {
    const found = fidelity(states.map(() => meanState))
    for (const name of ['explainedVariance', 'evVar', 'evDim'] as const) expect(found[name]).toBeCloseTo(0, 8)
  })

  it('pays for a constant offset in fvu alone: fvu = fvuVar + T |ebar|^2 / total', () => {
    const noise = normals(random, d)
    const approximated = states.map((state, t) => state.map((value, k) => value + noise[k] + 0.3 * Math.sin(t + k)))
    const { fvu, fvuVar } = fidelity(approximated)
    const error = Float64Array.from(
      { length: d },
      (_, k) => approximated.reduce((sum, state, t) => sum + state[k] - states[t][k], 0) / tokens,
    )
    const offset = (tokens * error.reduce((sum, value) => sum + value * value, 0)) / total
    expect(offset).toBeGreaterThan(0.1)
    expect(fvu).toBeCloseTo(fvuVar + offset, 8)
  })

  it('by hand', () => {
    // x varies by 2 and 0; e = (1, 1), (1, 3)
    const x = [Float64Array.of(0, 5), Float64Array.of(2, 5)]
    const found = fidelity([Float64Array.of(1, 6), Float64Array.of(3, 8)], x)
    expect(found).toEqual({ explainedVariance: -5, fvu: 6, evVar: 0, fvuVar: 1, evDim: 1 })
  })

  it('is not a number without tokens or without variance', () => {
    expect(new ApproximationError(2).fidelity(new Spread(2)).explainedVariance).toBeNaN()
    expect(fidelity([Float64Array.of(1)], [Float64Array.of(1)]).fvu).toBeNaN()
  })
})
