import { describe, expect, it } from 'vitest'
import type { FeatureActivations } from '../../src/evaluation/encode.js'
import { Coactivation } from '../../src/evaluation/matching-score.js'

/** Active features token by token. */
function activations(active: readonly (readonly number[])[], columns: number): FeatureActivations {
  const indptr = Float64Array.from([0, ...active.map((_, t) => active.slice(0, t + 1).flat().length)])
  const indices = Int32Array.from(active.flat())
  return { indptr, indices, data: new Float64Array(indices.length).fill(1), rows: active.length, columns }
}

// five tokens; feature 3 of A and feature 0 of B are never active
const a = activations([[0, 1], [0], [0, 2], [1], []], 4)
const b = activations([[2, 3], [3], [1], [3], [1, 3]], 4)
// 0 -> 3, 1 -> 2, 2 -> none, 3 -> 1
const match = Int32Array.of(3, 2, -1, 1)

function count(): Coactivation {
  const counted = new Coactivation(4, 4, [match, Int32Array.of(0, 1, 2, 3)])
  for (let t = 0; t < 5; t++) counted.add(a, b, t)
  return counted
}

describe('the matching score', () => {
  it('counts by hand', () => {
    expect(count().counts(0)).toEqual({
      together: Int32Array.of(2, 1, 0, 0),
      activeA: Int32Array.of(3, 2, 1, 0),
      activeB: Int32Array.of(4, 1, 0, 2),
    })
    expect(count().activity()).toEqual({ l0: { a: 6 / 5, b: 7 / 5 }, neverActive: { a: 1, b: 1 } })
  })

  it('averages over what is supported, never-active features are not 0', () => {
    expect(count().score(0)).toEqual({
      matchingScore: (2 / 3 + 1 / 2) / 2,
      macroAGivenB: (2 / 4 + 1 + 0) / 3,
      macroJaccard: (2 / 5 + 1 / 2 + 0) / 3,
      microBGivenA: 3 / 5,
      microAGivenB: 3 / 7,
      microJaccard: 3 / 9,
      support: { bGivenA: 2, aGivenB: 3, jaccard: 3 },
    })
  })

  it('scores several matchings of the same tokens', () => {
    // identity: 1 and 1 never together, 2 and 2 on different tokens
    expect(count().counts(1).together).toEqual(new Int32Array(4))
    expect(count().score(1)).toMatchObject({ matchingScore: 0, support: { bGivenA: 3, aGivenB: 3, jaccard: 4 } })
  })

  it('is not a number without a pair', () => {
    const none = new Coactivation(4, 4, [new Int32Array(4).fill(-1)])
    none.add(a, b, 0)
    expect(none.score(0)).toMatchObject({ matchingScore: Number.NaN, support: { bGivenA: 0 } })
  })
})
