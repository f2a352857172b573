import { describe, expect, it } from 'vitest'
import { compose, invert } from '../../src/matching/compose.js'
import { randomMatching } from '../../src/matching/random-matching.js'

const indices = (...values: number[]) => Int32Array.from(values)

describe('invert', () => {
  it.each([
    { aToB: [1, 2, 0], columns: 3, bToA: [2, 0, 1] },
    { aToB: [3, -1, 0], columns: 5, bToA: [2, -1, -1, 0, -1] },
    { aToB: [], columns: 2, bToA: [-1, -1] },
    { aToB: [-1, -1], columns: 0, bToA: [] },
  ])('$aToB into $columns', ({ aToB, columns, bToA }) => {
    expect([...invert(indices(...aToB), columns)]).toEqual(bToA)
  })

  it.each([
    { columns: 40, rows: 40, seed: 1 },
    { columns: 60, rows: 25, seed: 2 },
    { columns: 25, rows: 60, seed: 3 },
  ])('twice is where one started: $rows x $columns', ({ rows, columns, seed }) => {
    const aToB = randomMatching(rows, columns, seed)
    expect(invert(invert(aToB, columns), rows)).toEqual(aToB)
  })

  it.each([
    { aToB: [0, 3], columns: 3, message: 'Expected an index below 3, or -1 for `aToB[1]`, got 3' },
    { aToB: [-2], columns: 3, message: 'Expected an index below 3, or -1 for `aToB[0]`, got -2' },
    {
      aToB: [1, 1],
      columns: 3,
      message: 'Expected an index of its own (0 is matched to 1 already) for `aToB[1]`, got 1',
    },
    { aToB: [0], columns: 1.5, message: 'Expected a whole number >= 0 for `columns`, got 1.5' },
  ])('refuses $aToB into $columns', ({ aToB, columns, message }) => {
    expect(() => invert(indices(...aToB), columns)).toThrow(message)
  })

  it('refuses other kinds of arrays', () => {
    expect(() => invert([0] as unknown as Int32Array, 1)).toThrow(
      'Expected an Int32Array for `aToB`, got an array of length 1',
    )
  })
})

describe('compose', () => {
  it.each([
    { aToB: [1, 2, 0], bToC: [1, 0, 2], aToC: [0, 2, 1] },
    { aToB: [1, 0, 2], bToC: [1, 2, 0], aToC: [2, 1, 0] },
    { aToB: [2, -1, 0], bToC: [5, 1, -1], aToC: [-1, -1, 5] },
    { aToB: [], bToC: [0], aToC: [] },
  ])('$aToB then $bToC', ({ aToB, bToC, aToC }) => {
    expect([...compose(indices(...aToB), indices(...bToC))]).toEqual(aToC)
  })

  it('with the inverse gives the identity on matched features', () => {
    const aToB = randomMatching(30, 50, 7)
    expect([...compose(aToB, invert(aToB, 50))]).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  it('is associative through unequal widths', () => {
    const [ab, bc, cd] = [randomMatching(20, 35, 1), randomMatching(35, 15, 2), randomMatching(15, 40, 3)]
    expect(compose(compose(ab, bc), cd)).toEqual(compose(ab, compose(bc, cd)))
  })

  it('carries activations of A into the order of B with the inverse', () => {
    const bToA = invert(indices(1, 2, 0), 3)
    const activations = [10, 20, 30]
    expect([...bToA].map((i) => activations[i])).toEqual([30, 10, 20])
  })

  it.each([
    { aToB: [2], bToC: [0, 1], message: 'Expected an index below 2, or -1 for `aToB[0]`, got 2' },
    { aToB: [-3], bToC: [0, 1], message: 'Expected an index below 2, or -1 for `aToB[0]`, got -3' },
    { aToB: [0], bToC: [0, -2], message: 'Expected an index >= 0, or -1 for `bToC[1]`, got -2' },
  ])('refuses $aToB then $bToC', ({ aToB, bToC, message }) => {
    expect(() => compose(indices(...aToB), indices(...bToC))).toThrow(message)
  })
})
