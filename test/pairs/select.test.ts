import { describe, expect, it } from 'vitest'
import type { FoundHeader, FoundSae } from '../../src/pairs/discover.js'
import { adjacentPairs, allPairs } from '../../src/pairs/select.js'
import { weightPresets } from '../../src/sae/rows.js'
import { mulberry32 } from '../helpers/random.js'

type Candidate = Pick<FoundSae, 'layer' | 'header'>

const sae = (layer: number | null, header: Partial<FoundHeader> | null = {}): Candidate => ({
  layer,
  header: header && { files: [], site: 'residual', features: 8, dimension: 4, ...header },
})
const adjacent = (...saes: Candidate[]) => adjacentPairs(saes, weightPresets.all).map(({ a, b }) => [a, b])
const all = (...saes: Candidate[]) => allPairs(saes, weightPresets.all).map(({ a, b }) => [a, b])

describe('adjacentPairs', () => {
  it.each<[string, Candidate[], number[][]]>([
    [
      'layers in any order, with gaps',
      [sae(4), sae(1), sae(9)],
      [
        [0, 2],
        [1, 0],
      ],
    ],
    ['one layer', [sae(1), sae(1)], []],
    ['unknown layers', [sae(null), sae(null), sae(1)], []],
    [
      'seeds: all of neighbouring layers',
      [sae(1), sae(1), sae(2)],
      [
        [0, 2],
        [1, 2],
      ],
    ],
    [
      'two sizes: equal ones',
      [sae(1), sae(1, { features: 9 }), sae(2), sae(2, { features: 9 })],
      [
        [0, 2],
        [1, 3],
      ],
    ],
    [
      'unequal sizes where there are no others',
      [sae(1), sae(2, { features: 9 }), sae(3)],
      [
        [0, 1],
        [1, 2],
      ],
    ],
    ['a size of its own beside others', [sae(1), sae(2), sae(2, { features: 9 })], [[0, 1]]],
    [
      'sites apart',
      [sae(1), sae(1, { site: 'mlp-out' }), sae(2), sae(2, { site: 'mlp-out' })],
      [
        [0, 2],
        [1, 3],
      ],
    ],
    ['a layer that has one site only', [sae(1), sae(2, { site: 'mlp-out' }), sae(3)], [[0, 2]]],
    ['dimensions apart', [sae(1), sae(2, { dimension: 5 }), sae(3)], [[0, 2]]],
    [
      'a damaged one is no gap',
      [sae(1), sae(2, null), sae(3)],
      [
        [0, 1],
        [1, 2],
      ],
    ],
  ])('%s', (_, saes, pairs) => {
    expect(adjacent(...saes)).toEqual(pairs)
  })
})

describe('allPairs', () => {
  it.each<[string, Candidate[], number[][]]>([
    [
      'every pair once, the lower layer first',
      [sae(2), sae(1), sae(2)],
      [
        [1, 0],
        [0, 2],
        [1, 2],
      ],
    ],
    ['unknown layers in their order', [sae(null), sae(1)], [[0, 1]]],
    [
      'only what may be compared',
      [sae(1), sae(2, { site: 'mlp-out' }), sae(3, { site: 'unknown' })],
      [
        [0, 2],
        [1, 2],
      ],
    ],
  ])('%s', (_, saes, pairs) => {
    expect(all(...saes)).toEqual(pairs)
  })

  it('compares a transcoder with an MLP where only decoders count', () => {
    const saes = [sae(1, { site: 'transcoder' }), sae(2, { site: 'mlp-out' })]
    expect(allPairs(saes, weightPresets.all)).toEqual([])
    expect(allPairs(saes, weightPresets.decoder)).toEqual([{ a: 0, b: 1 }])
  })

  it('has every unordered pair of equal sites and dimensions once, whatever there is; neighbours are among them', () => {
    const random = mulberry32(5)
    const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]
    for (let trial = 0; trial < 100; trial++) {
      const saes = Array.from({ length: Math.floor(random() * 12) }, () =>
        sae(pick([1, 2, 3, 4]), {
          site: pick(['residual', 'mlp-out']),
          dimension: pick([4, 5]),
          features: pick([8, 9]),
        }),
      )
      const key = (x: number, y: number) => `${Math.min(x, y)} ${Math.max(x, y)}`
      const expected = saes.flatMap((x, a) =>
        saes.flatMap((y, b) =>
          a < b && x.header!.site === y.header!.site && x.header!.dimension === y.header!.dimension ? [key(a, b)] : [],
        ),
      )
      const made = all(...saes).map(([a, b]) => key(a, b))
      expect(made.toSorted()).toEqual(expected.toSorted())
      const near = adjacent(...saes)
      for (const [a, b] of near) expect(saes[a].layer!).toBeLessThan(saes[b].layer!)
      const keys = near.map(([a, b]) => key(a, b))
      expect(new Set(keys).size).toBe(keys.length)
      expect(keys.filter((pair) => !made.includes(pair))).toEqual([])
    }
  })
})
