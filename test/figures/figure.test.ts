import { describe, expect, it } from 'vitest'
import { linesByLayer } from '../../src/figures/figure.js'

const pair = (layerA: number | null, layerB: number | null, y: number, objective = 'folded') => ({
  ...{ a: `layer_${layerA}`, b: `layer_${layerB}`, layerA, layerB, objective, y },
})
const lines = (...pairs: ReturnType<typeof pair>[]) =>
  Object.fromEntries(linesByLayer(pairs, ({ y }) => y).map(({ name, points }) => [name, points]))

describe('linesByLayer', () => {
  it('has a line for each name, by layer, whatever the order of the pairs and the gaps between layers', () => {
    expect(lines(pair(13, 20, 3), pair(10, 11, 1), pair(11, 13, 2), pair(10, 11, 4, 'unfolded'))).toEqual({
      folded: [
        [10, 1],
        [11, 2],
        [13, 3],
      ],
      unfolded: [[10, 4]],
    })
  })

  it('keeps pairs apart that are of layers further from each other', () => {
    expect(lines(pair(10, 11, 1), pair(10, 12, 5), pair(11, 12, 2))).toEqual({
      'folded, 1 step': [
        [10, 1],
        [11, 2],
      ],
      'folded, 2 steps': [[10, 5]],
    })
  })

  it('never puts two points of a line above each other', () => {
    expect(lines(pair(10, 11, 1), pair(10, 11, 7), pair(11, 12, 2))).toEqual({
      folded: [
        [10, 1],
        [11, 2],
      ],
      'folded (2)': [[10, 7]],
    })
  })

  it('leaves out what has no layer or no number', () => {
    expect(lines(pair(null, 11, 1), pair(10, 11, Number.NaN))).toEqual({})
  })
})
