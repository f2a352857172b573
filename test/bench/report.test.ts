import { expect, it } from 'vitest'

const { renderReport } = await import(new URL('../../bench/report.mjs', import.meta.url).href)

it('shows medians with their spread, ratios, and why a figure is missing', () => {
  const machine = {
    ...{ cpu: 'A processor', cores: 2, platform: 'linux x64', node: 'v20', commit: 'abcdef0123456789', dirty: true },
    ...{ date: '2026-01-01', backend: { active: 'native', simd: 'avx2', threads: 2 } },
  }
  const problem = { family: 'uniform', n: 100 }
  const cells = [
    { ...problem, contender: 'ours', median: 10, least: 9, most: 12, peakBytes: 50e6 },
    { ...problem, contender: 'theirs', median: 2500, least: 2500, most: 2500, peakBytes: 1e9 },
    { ...problem, contender: 'wrong', failure: 'not the optimum: 1.0e-3 too dear' },
    { family: 'other', n: 5, contender: 'theirs', median: 1, least: 1, most: 1, peakBytes: 1e6 },
  ]
  const report = renderReport({ machine, options: { against: 'ours', repetitions: '5' }, cells })
  expect(report.split('\n').slice(0, 2)).toEqual([
    'A processor, 2 cores, linux x64, Node v20',
    'best backend: native (avx2), 2 threads; commit abcdef012345 with changes; 2026-01-01',
  ])
  expect(report).toContain('### uniform, n = 100')
  expect(report).toContain('| ours | 10.0 ms (9.00 ms .. 12.0 ms) | 1.00 | 50 MB |  |')
  expect(report).toContain('| theirs | 2.50 s | 250 | 1000 MB |  |')
  expect(report).toContain('| wrong | not the optimum: 1.0e-3 too dear | | | |')
  expect(report).toContain('| theirs | 1.00 ms |  | 1 MB |  |')
})
