import { describe, expect, it } from 'vitest'
import { solveAssignment } from '../../src/assignment/solve.js'
import { squaredDistance } from '../matching/planted-pair.js'

const { families } = await import(new URL('../../bench/families.mjs', import.meta.url).href)
const synthetic = Object.keys(families).filter((name) => families[name].sizes === null)

describe.each(synthetic)('the family %s', (name) => {
  it('makes the same numbers from the same seed, others from another', async () => {
    const [first, again, other] = [1, 1, 2].map((seed) => families[name].make(20, seed, 8))
    expect(await again).toEqual(await first)
    if (name !== 'machol-wien') expect(await other).not.toEqual(await first)
  })

  it('makes finite numbers in the shape it says', async () => {
    const { kind, rows, columns, width, data, a, b } = await families[name].make(17, 1, 8)
    expect([rows, columns]).toEqual([17, 17])
    const arrays = kind === 'features' ? [a, b] : [data]
    for (const array of arrays) {
      expect(array).toHaveLength(17 * (width ?? 17))
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
  const { a, b, width } = await families[name].make(60, 3, 256)
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

it('machol-wien keeps its products at sizes where f32 would round them', async () => {
  expect(families['machol-wien'].dtype).toBe('f64')
  const n = 3
  const { data } = await families['machol-wien'].make(n, 1, 8)
  expect([...data]).toEqual([1, 2, 3, 2, 4, 6, 3, 6, 9])
})
