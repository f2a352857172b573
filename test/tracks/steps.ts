import { randomMatching } from '../../src/matching/random-matching.js'
import type { MatchStep } from '../../src/tracks/step.js'
import { mulberry32 } from '../helpers/random.js'

/** A step by hand; costs and cosines default to 1, and every pair to mutual nearest. */
export function handStep(aToB: readonly number[], columns: number, fields: Partial<MatchStep> = {}): MatchStep {
  const one = Float64Array.from(aToB, (j) => (j === -1 ? Number.NaN : 1))
  return {
    aToB: Int32Array.from(aToB),
    columns,
    cost: one,
    cosine: one,
    mutual: Uint8Array.from(aToB, (j) => (j === -1 ? 0 : 1)),
    ...fields,
  }
}

/** Steps through layers of the given sizes: random matchings, a share of whose features stays alone. */
export function randomSteps(sizes: readonly number[], seed: number, alone = 0.3): MatchStep[] {
  const random = mulberry32(seed)
  return sizes.slice(1).map((columns, k) => {
    const aToB = randomMatching(sizes[k], columns, seed + k).map((j) => (random() < alone ? -1 : j))
    const values = () => Float64Array.from(aToB, (j) => (j === -1 ? Number.NaN : random()))
    const mutual = Uint8Array.from(aToB, (j) => (j !== -1 && random() < 0.5 ? 1 : 0))
    return { aToB, columns, cost: values(), cosine: values(), mutual }
  })
}
