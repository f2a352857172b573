import { describe, expect, it } from 'vitest'
import { composeSteps } from '../../src/tracks/composition.js'
import { lifetimes } from '../../src/tracks/lifetimes.js'
import { findTracks } from '../../src/tracks/tracks.js'
import { handStep, randomSteps } from './steps.js'

describe('lifetimes', () => {
  it('by hand', () => {
    // tracks: 0-1-0 through all layers, 1 in the first, 0 in the second, 2-1 from the second to the third
    const found = lifetimes(findTracks([handStep([1, -1], 3), handStep([-1, 0, 1], 2)]))
    expect(found.layers).toBe(3)
    expect([...found.lengths]).toEqual([2, 1, 1])
    expect([...found.births]).toEqual([2, 2, 0])
    expect([...found.deaths]).toEqual([1, 1, 2])
    expect([...found.alive]).toEqual([2, 1, 1, 0, 3, 2, 0, 0, 2])
    expect([...found.survival]).toEqual([1, 1 / 2, 1 / 2, Number.NaN, 1, 2 / 3, Number.NaN, Number.NaN, 1])
    expect([...found.pooledSurvival]).toEqual([1, 3 / 5, 1 / 2])
  })

  it.each([21, 22, 23, 24])('births and deaths add up, and curves are compositions (seed %i)', (seed) => {
    const sizes = [30, 20, 50, 50, 15, 40]
    const steps = randomSteps(sizes, seed)
    const tracks = findTracks(steps)
    const { births, deaths, lengths, alive, layers } = lifetimes(tracks)
    const sum = (numbers: Iterable<number>) => [...numbers].reduce((x, y) => x + y, 0)
    expect(sum(births)).toBe(tracks.count)
    expect(sum(deaths)).toBe(tracks.count)
    expect(sum(lengths)).toBe(tracks.count)
    expect(sum([...lengths].map((number, k) => number * (k + 1)))).toBe(sum(sizes))
    for (let l = 1; l < layers; l++) expect(sizes[l]).toBe(sizes[l - 1] - deaths[l - 1] + births[l])
    for (let from = 0; from < layers; from++) {
      expect(alive[from * layers + from]).toBe(sizes[from])
      for (let to = from + 1; to < layers; to++) {
        const { aToC } = composeSteps(steps.slice(from, to))
        expect(alive[from * layers + to]).toBe(aToC.filter((k) => k !== -1).length)
      }
    }
  })

  it('has no share of an empty layer', () => {
    const { survival } = lifetimes(findTracks([handStep([], 1)]))
    expect([...survival]).toEqual([Number.NaN, Number.NaN, Number.NaN, 1])
  })
})
