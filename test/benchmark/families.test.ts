import { describe, expect, it } from 'vitest'
import { solveAssignment } from '../../src/assignment/solve.js'
import { families } from '../../src/benchmark/families.js'
import type { FeatureProblem } from '../../src/benchmark/family.js'
import { squaredDistance } from '../matching/planted-pair.js'

/** The sum of all numbers of each family at size 20, seed 1, dimension 8, generator version 2. */
const sums: Readonly<Record<string, number>> = {
  'planted-0': -35.86106766010198,
  'planted-40': -44.19899978076137,
  'planted-70': -59.35099758464639,
  uniform: 191.99286483298056,
  integers: 18999,
  geometric: 218.70341229066253,
  'low-rank': 0.9016375876963139,
  'machol-wien': 44100,
  offsets: 3830737.4987182617,
}

const arraysOf = (name: string, size: number, seed: number) => {
  const problem = families[name].make(size, seed, 8)
  return problem.kind === 'features' ? [problem.a, problem.b] : [problem.data]
}

describe.each(Object.keys(families))('the family %s', (name) => {
  it('makes the same numbers from the same seed, others from another', () => {
    expect(arraysOf(name, 20, 1)).toEqual(arraysOf(name, 20, 1))
    if (name !== 'machol-wien') expect(arraysOf(name, 20, 2)).not.toEqual(arraysOf(name, 20, 1))
  })

  it('makes the numbers that results of this generator version were measured with', () => {
    const sum = arraysOf(name, 20, 1)
      .flatMap((array) => [...array])
      .reduce((total, value) => total + value, 0)
    expect(Math.abs(sum - sums[name])).toBeLessThan(1e-6 * (1 + Math.abs(sums[name])))
  })

  it('makes finite numbers in the shape and type it says', () => {
    const problem = families[name].make(17, 1, 8)
    expect([problem.rows, problem.columns]).toEqual([17, 17])
    const width = problem.kind === 'features' ? problem.width : 17
    if (problem.kind === 'features') expect(width).toBe(2 * 8 + 1)
    for (const array of arraysOf(name, 17, 1)) {
      expect(array).toHaveLength(17 * width)
      expect(array.every(Number.isFinite)).toBe(true)
      expect(array).toBeInstanceOf(families[name].dtype === 'f64' ? Float64Array : Float32Array)
    }
  })
})

it.each([
  { name: 'planted-0', partnered: 60 },
  { name: 'planted-40', partnered: 36 },
  { name: 'planted-70', partnered: 18 },
])('$name has as many near pairs as it says', async ({ name, partnered }) => {
  const { a, b, width } = families[name].make(60, 3, 256) as FeatureProblem
  const row = (rows: Float32Array, i: number) => Float64Array.from(rows.subarray(i * width, (i + 1) * width))
  const costs = Float64Array.from({ length: 3600 }, (_, at) =>
    squaredDistance(row(a, Math.floor(at / 60)), row(b, at % 60)),
  )
  const { rowToColumn } = await solveAssignment(costs, { backend: 'typescript' })
  const near = [...rowToColumn].filter((j, i) => {
    const [x, y] = [row(a, i).subarray(0, 256), row(b, j).subarray(0, 256)]
    const product = x.reduce((sum, value, k) => sum + value * y[k], 0)
    // a planted cosine is at least 0.3, one of chance in 256 dimensions is 0.06 give or take
    return product > 0.29 * Math.sqrt(x.reduce((s, v) => s + v * v, 0) * y.reduce((s, v) => s + v * v, 0))
  })
  expect(Math.abs(near.length - partnered)).toBeLessThanOrEqual(3)
})

it('machol-wien keeps its products at sizes where f32 would round them', () => {
  expect(families['machol-wien'].dtype).toBe('f64')
  expect([...arraysOf('machol-wien', 3, 1)[0]]).toEqual([1, 2, 3, 2, 4, 6, 3, 6, 9])
})
