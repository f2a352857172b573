import { describe, expect, it } from 'vitest'
import { bar, columnChart } from '../../src/cli/histogram.js'

describe('columnChart', () => {
  it.each([
    { counts: [0, 1, 2, 4, 8], height: 1, width: 1, lines: [' ▁▂▄█'] },
    { counts: [1, 1000], height: 2, width: 2, lines: ['  ██', '▁▁██'] },
    { counts: [4, 12, 16], height: 2, width: 1, lines: [' ▄█', '▄██'] },
    { counts: [0, 0], height: 1, width: 1, lines: ['  '] },
    { counts: [], height: 1, width: 1, lines: [''] },
  ])('$counts, $height high', ({ counts, height, width, lines }) => {
    expect(columnChart(counts, height, width)).toEqual(lines)
  })
})

describe('bar', () => {
  it.each([
    { share: 0, drawn: '' },
    { share: 0.5, drawn: '████' },
    { share: 1, drawn: '████████' },
    { share: 7, drawn: '████████' },
    { share: 0.0625, drawn: '▌' },
    { share: Number.NaN, drawn: '' },
  ])('$share', ({ share, drawn }) => {
    expect(bar(share, 8)).toBe(drawn)
  })
})
