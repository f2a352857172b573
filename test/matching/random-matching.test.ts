import { describe, expect, it } from 'vitest'
import { randomMatching, randomPermutation, seededRandom } from '../../src/matching/random-matching.js'

describe('seededRandom', () => {
  it('repeats, differs between seeds, and fills the unit interval evenly', () => {
    const [first, again, other] = [seededRandom(5), seededRandom(5), seededRandom(6)]
    const values = Array.from({ length: 10_000 }, first)
    expect(Array.from({ length: 10_000 }, again)).toEqual(values)
    expect(other()).not.toBe(values[0])
    const tenths = new Array<number>(10).fill(0)
    for (const value of values) tenths[Math.floor(value * 10)]++
    // five standard deviations of a binomial count of mean 1,000
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

describe('randomPermutation', () => {
  it.each([0, 1, 2, 257])('holds every index once: %i', (length) => {
    expect([...randomPermutation(length, 3)].sort((x, y) => x - y)).toEqual(Array.from({ length }, (_, i) => i))
  })

  it('gives each of the 6 orders of three about equally often', () => {
    const seen = new Map<string, number>()
    for (let seed = 0; seed < 6000; seed++) {
      const order = randomPermutation(3, seed).join('')
      seen.set(order, (seen.get(order) ?? 0) + 1)
    }
    expect(seen.size).toBe(6)
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

describe('randomMatching', () => {
  it.each([
    { rows: 8, columns: 8 },
    { rows: 5, columns: 9 },
    { rows: 9, columns: 5 },
    { rows: 0, columns: 4 },
    { rows: 4, columns: 0 },
  ])('matches the shorter side whole: $rows x $columns', ({ rows, columns }) => {
    const matching = randomMatching(rows, columns, 1)
    const partners = [...matching].filter((j) => j >= 0)
    expect(matching).toHaveLength(rows)
    expect(partners).toHaveLength(Math.min(rows, columns))
    expect(new Set(partners).size).toBe(partners.length)
    for (const j of partners) expect(j).toBeLessThan(columns)
  })
})
