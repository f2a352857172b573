import { describe, expect, it } from 'vitest'
import { composeSteps } from '../../src/tracks/composition.js'
import { cutSteps } from '../../src/tracks/cut.js'
import { findTracks, type Tracks } from '../../src/tracks/tracks.js'
import { handStep, randomSteps } from './steps.js'

/** Tracks as lists, for comparison. */
function listed({ count, start, offsets, features }: Tracks) {
  return Array.from({ length: count }, (_, t) => [start[t], ...features.subarray(offsets[t], offsets[t + 1])])
}

describe('findTracks', () => {
  it('follows a feature in the direction of the steps', () => {
    const tracks = findTracks([handStep([1, 2, 0], 3), handStep([1, 2, 0], 3)])
    expect(listed(tracks)).toEqual([
      [0, 0, 1, 2],
      [0, 1, 2, 0],
      [0, 2, 0, 1],
    ])
  })

  it('ends a track where there is no partner and begins one where nothing came from', () => {
    const tracks = findTracks([
      handStep([1, -1], 3, { cost: Float64Array.of(5, Number.NaN), cosine: Float64Array.of(0.5, Number.NaN) }),
      handStep([-1, 0, 1], 2, { cost: Float64Array.of(Number.NaN, 6, 7) }),
    ])
    expect([...tracks.layerSizes]).toEqual([2, 3, 2])
    expect(listed(tracks)).toEqual([
      [0, 0, 1, 0],
      [0, 1],
      [1, 0],
      [1, 2, 1],
    ])
    expect([...tracks.cost]).toEqual([Number.NaN, 5, 6, Number.NaN, Number.NaN, Number.NaN, 7])
    expect([...tracks.cosine]).toEqual([Number.NaN, 0.5, 1, Number.NaN, Number.NaN, Number.NaN, 1])
  })

  it('ends a track where a step is cut', () => {
    const dear = handStep([0, 1], 2, { cost: Float64Array.of(1, 9) })
    expect(listed(findTracks(cutSteps([dear, dear], { cost: 5 })))).toEqual([
      [0, 0, 0, 0],
      [0, 1],
      [1, 1],
      [2, 1],
    ])
  })

  it.each([1, 2, 3, 4, 5])('holds every feature of every layer once, as the steps go (seed %i)', (seed) => {
    const sizes = [25, 40, 40, 10, 30]
    const steps = randomSteps(sizes, seed)
    const tracks = findTracks(steps)
    const seen = sizes.map((size) => new Int32Array(size))
    for (const [start, ...features] of listed(tracks)) {
      for (const [k, feature] of features.entries()) {
        seen[start + k][feature]++
        const next = steps[start + k]?.aToB[feature] ?? -1
        expect(next).toBe(features[k + 1] ?? -1)
      }
    }
    expect(seen.every((counts) => counts.every((count) => count === 1))).toBe(true)
    const whole = listed(tracks).filter((track) => track[0] === 0 && track.length === sizes.length + 1)
    const { aToC } = composeSteps(steps)
    expect(whole.map((track) => [track[1], track[sizes.length]])).toEqual(
      [...aToC.entries()].filter(([, k]) => k !== -1),
    )
  })

  it('refuses a step that matches a feature twice', () => {
    expect(() => findTracks([handStep([0, 0], 2)])).toThrow('Expected an index of its own')
  })
})
