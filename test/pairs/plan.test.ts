import { describe, expect, it } from 'vitest'
import { orderPairs, pairsAtOnce, shardOf } from '../../src/pairs/plan.js'
import type { PairOfSaes } from '../../src/pairs/select.js'
import { createStore } from '../../src/pairs/store.js'
import { mulberry32 } from '../helpers/random.js'

const triangle = (n: number) =>
  Array.from({ length: n }, (_, a) => Array.from({ length: n - a - 1 }, (_, k) => ({ a, b: a + 1 + k }))).flat()
const chain = (n: number) => Array.from({ length: n - 1 }, (_, a) => ({ a, b: a + 1 }))
const text = ({ a, b }: PairOfSaes) => `${a} ${b}`

/** How often SAEs are loaded, and how much is held at most, when pairs are done one by one. */
async function loadsOf(pairs: readonly PairOfSaes[], bytes: readonly number[], memory: number) {
  const ordered = orderPairs(pairs, bytes, memory)
  expect(ordered.map(text).toSorted()).toEqual(pairs.map(text).toSorted())
  let loads = 0
  const keys = (pair: PairOfSaes) => [String(pair.a), String(pair.b)]
  const load = async () => loads++
  const store = createStore(ordered.flatMap(keys), load, (key) => bytes[Number(key)], memory)
  for (const pair of ordered) {
    await Promise.all(keys(pair).map(store.take))
    keys(pair).forEach(store.release)
  }
  return loads
}

describe('shardOf', () => {
  it('parts every list: each pair is in one shard, and shards differ by one at most', () => {
    for (const length of [0, 1, 5, 15, 64]) {
      for (const count of [1, 2, 3, 7, 64]) {
        const list = Array.from({ length }, (_, k) => k)
        const shards = Array.from({ length: count }, (_, k) => shardOf(list, { index: k + 1, count }))
        expect(shards.flat()).toEqual(list)
        const sizes = shards.map((shard) => shard.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }
    }
  })
})

describe('orderPairs', () => {
  it('loads every SAE once where memory holds them', async () => {
    expect(await loadsOf(triangle(9), Array(9).fill(1), 9)).toBe(9)
  })

  it('loads every SAE of a chain once where memory holds two', async () => {
    for (const memory of [2, 3, 5]) expect(await loadsOf(chain(9), Array(9).fill(1), memory)).toBe(9)
  })

  it('loads few twice where memory holds some: one more stays, a whole turn less', async () => {
    const n = 24
    const loads: number[] = []
    for (const memory of [3, 5, 9, 13]) loads.push(await loadsOf(triangle(n), Array(n).fill(1), memory))
    // blocks of memory - 1 SAEs, past which the others go once
    const most = [3, 5, 9, 13].map((memory) => {
      let sum = 0
      for (let done = 0; done < n - 1; done += memory - 1) sum += n - done
      return sum
    })
    for (const [k, count] of loads.entries()) expect(count).toBeLessThanOrEqual(most[k])
    expect(loads).toEqual(loads.toSorted((x, y) => y - x))
  })

  it('keeps every pair once, whatever the pairs, the sizes and the memory', async () => {
    const random = mulberry32(11)
    for (let trial = 0; trial < 200; trial++) {
      const n = 2 + Math.floor(random() * 9)
      const pairs = triangle(n).filter(() => random() < 0.6)
      const bytes = Array.from({ length: n }, () => Math.floor(random() * 5))
      const used = new Set(pairs.flatMap(({ a, b }) => [a, b])).size
      const loads = await loadsOf(pairs, bytes, Math.floor(random() * 20))
      expect(loads).toBeGreaterThanOrEqual(used)
      expect(loads).toBeLessThanOrEqual(2 * pairs.length)
    }
  })
})

describe('pairsAtOnce', () => {
  it('are two where the costs of any two fit the memory of one', () => {
    expect(pairsAtOnce([100, 50, 100], 800)).toBe(2)
    expect(pairsAtOnce([100, 50, 100], 799)).toBe(1)
    expect(pairsAtOnce([50, 100, 50], 600)).toBe(2)
    expect(pairsAtOnce([], 0)).toBe(2)
  })
})
