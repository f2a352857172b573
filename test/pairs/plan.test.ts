import { describe, expect, it } from 'vitest'
import { orderPairs, pairsAtOnce, pairsAtOnceOnGpus, shardOf } from '../../src/pairs/plan.js'
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

describe('pairsAtOnceOnGpus', () => {
  const alike = (count: number) => Array<number>(count).fill(1)

  it('are a pair for every thread and one, no more than there are', () => {
    expect(pairsAtOnceOnGpus(triangle(9), alike(9), { threads: 4, memory: 1e9 })).toBe(5)
    expect(pairsAtOnceOnGpus(chain(4), alike(4), { threads: 16, memory: 1e9 })).toBe(3)
    expect(pairsAtOnceOnGpus([], [], { threads: 16, memory: 1e9 })).toBe(1)
  })

  it('are no more than memory holds the SAEs of, but for one', () => {
    // so many neighbours of a chain have one SAE more
    for (const memory of [2, 3, 5]) {
      expect(pairsAtOnceOnGpus(chain(9), alike(9), { threads: 16, memory })).toBe(memory - 1)
    }
    expect(pairsAtOnceOnGpus(chain(9), alike(9), { threads: 16, memory: 0 })).toBe(1)
    // pairs that share SAEs take little
    expect(pairsAtOnceOnGpus(orderPairs(triangle(5), alike(5), 5), alike(5), { threads: 16, memory: 5 })).toBe(10)
  })

  it('are as many as fit anywhere in the order, whatever the pairs', () => {
    const random = mulberry32(12)
    for (let trial = 0; trial < 300; trial++) {
      const n = 2 + Math.floor(random() * 7)
      const pairs = [...triangle(n), { a: 0, b: 0 }].filter(() => random() < 0.6)
      const bytes = Array.from({ length: n }, () => Math.floor(random() * 5))
      const threads = 1 + Math.floor(random() * 8)
      const memory = Math.floor(random() * 20)
      const fits = (count: number) =>
        pairs.every((_, first) => {
          const held = new Set(pairs.slice(first, first + count).flatMap(({ a, b }) => [a, b]))
          return [...held].reduce((sum, sae) => sum + bytes[sae], 0) <= memory
        })
      let most = Math.max(1, Math.min(threads + 1, pairs.length))
      while (most > 1 && !fits(most)) most--
      expect(pairsAtOnceOnGpus(pairs, bytes, { threads, memory })).toBe(most)
    }
  })
})
