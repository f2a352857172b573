import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { allLayers, findStep, findStepIfAny } from '../../src/runs/choose.js'
import { readRun } from '../../src/runs/read-run.js'
import { comparePaths, summariseByDistance } from '../../src/tracks/by-distance.js'
import { composeSteps } from '../../src/tracks/composition.js'
import { readStep, readSteps } from '../../src/tracks/read-step.js'
import { layerSizes, type MatchStep } from '../../src/tracks/step.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { allPairs, neighbours, permutedLayers, writeRun } from '../runs/run-files.js'
import { handStep } from './steps.js'

const folder = temporaryFolder()

describe('comparePaths', () => {
  it('by hand', async () => {
    const steps = [
      handStep([1, 2, 0, -1], 3, { cost: Float64Array.of(1, 2, 3, Number.NaN) }),
      handStep([1, 0, 2], 3, { cost: Float64Array.of(10, 20, 30) }),
    ]
    const beside = handStep([0, -1, 2, 1], 3, { cost: Float64Array.of(4, Number.NaN, 8, 0) })
    const direct = async (from: number, to: number) =>
      from === 0 && to === 2 ? beside : to - from === 1 ? steps[from] : null
    const comparisons = await comparePaths(steps, direct)
    expect(comparisons.map(({ from, to, distance, matched }) => [from, to, distance, matched])).toEqual([
      [0, 1, 1, 3],
      [0, 2, 2, 3],
      [1, 2, 1, 3],
    ])
    // composed: 0 -> 0, 1 -> 2, 2 -> 1 with costs 1 + 20, 2 + 30, 3 + 10
    expect(comparisons[1]).toMatchObject({
      costSum: { mean: 22, median: 21 },
      costMaximum: { mean: 20, median: 20 },
      direct: { same: 1, compared: 2, agreement: 0.5, cost: 4, costWhereSame: 4 },
    })
    expect(comparisons[0].direct).toEqual({ same: 3, compared: 3, agreement: 1, cost: 2, costWhereSame: 2 })

    expect(summariseByDistance(comparisons, layerSizes(steps))).toEqual([
      {
        distance: 1,
        paths: 2,
        compared: 2,
        agreement: { mean: 1, least: 1, largest: 1 },
        matchedShare: (3 / 4 + 1) / 2,
        costSum: 11,
        costMaximum: 11,
        directCost: 11,
      },
      {
        distance: 2,
        paths: 1,
        compared: 1,
        agreement: { mean: 0.5, least: 0.5, largest: 0.5 },
        matchedShare: 3 / 4,
        costSum: 22,
        costMaximum: 20,
        directCost: 4,
      },
    ])
  })

  it('says nothing about direct matches that are not there', async () => {
    const steps = [handStep([0], 1), handStep([-1], 1)]
    const comparisons = await comparePaths(steps, async () => null)
    expect(comparisons.every(({ direct }) => direct === null)).toBe(true)
    const [, far] = summariseByDistance(comparisons, layerSizes(steps))
    expect(far).toMatchObject({ compared: 0, matchedShare: 0, costSum: Number.NaN, directCost: Number.NaN })
    expect(far.agreement).toEqual({ mean: Number.NaN, least: Number.NaN, largest: Number.NaN })
  })
})

/** What a run directory says about all paths through its layers. */
async function wholeRun(path: string) {
  const run = await readRun(path)
  const layers = allLayers(run)
  const steps: MatchStep[] = await readSteps(neighbours(layers).map(([a, b]) => findStep(run, a, b)))
  const comparisons = await comparePaths(steps, async (from, to) => {
    const found = findStepIfAny(run, layers[from], layers[to])
    return found && readStep(found)
  })
  return { steps, comparisons }
}

describe('layers that are one SAE in different orders', () => {
  it('compose to exactly the direct match, which is the planted one', async () => {
    const { layers, planted } = permutedLayers(71, 40, [3, 4, 5, 8])
    // one pair the other way round: it has to be inverted
    const pairs = allPairs(layers).map(([a, b], k): [typeof a, typeof b] => (k === 3 ? [b, a] : [a, b]))
    await writeRun(join(folder, 'permuted'), pairs)
    const { steps, comparisons } = await wholeRun(join(folder, 'permuted'))
    expect([...composeSteps(steps).aToC]).toEqual([...planted(0, 3)])
    expect([...composeSteps(steps.slice(1)).aToC]).toEqual([...planted(1, 3)])
    expect(comparisons).toHaveLength(6)
    for (const { direct, costSum } of comparisons) {
      expect(direct).toMatchObject({ same: 40, compared: 40, agreement: 1, cost: 0 })
      expect(costSum.mean).toBe(0)
    }
  })
})
