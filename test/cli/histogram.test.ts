import { expect, it } from 'vitest'
import { bars } from '../../src/cli/histogram.js'

it.each([
  { counts: [0, 1, 2, 4, 8], drawn: ' ▁▂▄█' },
  { counts: [1, 1000], drawn: '▁█' },
  { counts: [0, 0], drawn: '  ' },
  { counts: [], drawn: '' },
])('$counts', ({ counts, drawn }) => {
  expect(bars(counts)).toBe(drawn)
})
