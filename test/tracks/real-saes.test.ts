import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { comparePaths, summariseByDistance } from '../../src/tracks/by-distance.js'
import { cutSteps } from '../../src/tracks/cut.js'
import { lifetimes } from '../../src/tracks/lifetimes.js'
import { layerSizes, type MatchStep, stepOf } from '../../src/tracks/step.js'
import { findTracks } from '../../src/tracks/tracks.js'
import { availableBackends } from '../helpers/available-backends.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'

// six matches of 4,096 features: seconds for the addon, too much for the TypeScript backend
const skipped = sharedData === null || !availableBackends.includes('native')

it.skipIf(skipped)(`agreement decays with distance, survival with a cut${needsSharedData}`, async () => {
  const numbers = [10, 11, 12, 13]
  const path = (layer: number) => join(sharedData!, 'jumprelu-4096', `layer_${layer}`)
  const layers = await Promise.all(numbers.map((layer) => loadSae(path(layer))))
  const steps: MatchStep[] = []
  for (const [k, next] of layers.slice(1).entries()) {
    steps.push(stepOf(await match(layers[k], next, { baselines: 'none' })))
  }
  const direct = new Map<string, MatchStep>(steps.map((step, k) => [`${k} ${k + 1}`, step]))
  for (const [from, to] of [
    [0, 2],
    [1, 3],
    [0, 3],
  ]) {
    direct.set(`${from} ${to}`, stepOf(await match(layers[from], layers[to], { baselines: 'none' })))
  }

  const agreements = async (path: readonly MatchStep[]) => {
    const comparisons = await comparePaths(path, async (from, to) => direct.get(`${from} ${to}`)!)
    return summariseByDistance(comparisons, layerSizes(path)).map(({ agreement }) => agreement.mean)
  }
  const mutual = cutSteps(steps, { mutual: true })
  const [all, nearest] = [await agreements(steps), await agreements(mutual)]
  expect(all[0]).toBe(1)
  expect(all[1]).toBeLessThan(all[0])
  expect(all[2]).toBeLessThan(all[1])
  // far above what unrelated permutations share
  expect(all[2]).toBeGreaterThan(100 / 4096)
  // features that stay nearest to each other at every step are those that the direct match finds too
  expect(nearest[1]).toBeGreaterThan(2 * all[1])
  expect(nearest[2]).toBeGreaterThan(2 * all[2])

  const [, ...later] = lifetimes(findTracks(mutual)).pooledSurvival
  expect(lifetimes(findTracks(steps)).pooledSurvival).toEqual(Float64Array.of(1, 1, 1, 1))
  for (const [k, share] of later.entries()) expect(share).toBeLessThan(k === 0 ? 1 : later[k - 1])
})
