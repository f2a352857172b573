import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const isCompiled = existsSync(new URL('../../dist/benchmark/families.js', import.meta.url))
const { lostCells, readRuns, renderPerformance, superseded } = isCompiled
  ? await import(new URL('../../bench/report-performance.mjs', import.meta.url).href)
  : {}

const cell = (contender: string, median: number, n = 10) => ({ family: 'uniform', n, contender, median })
const run = (date: string, cells: object[]) => ({
  machine: { date, cpu: 'A processor', backend: { simd: 'avx2' } },
  options: { seed: '1', dimension: '8' },
  cells,
})

describe.skipIf(!isCompiled)('docs/performance.md', () => {
  it('is what the generator makes of the results', () => {
    const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
    expect(page).toBe(renderPerformance(readRuns()))
  })

  it('shows no results that newer ones supersede', () => {
    expect(superseded(readRuns())).toEqual([])
    const [old, part, whole] = [
      run('1', [cell('native/jv', 1), cell('python/lap', 1)]),
      run('2', [cell('native/jv', 2)]),
      run('3', [cell('native/jv', 3)]),
    ]
    expect(superseded([old, part, whole])).toEqual([part])
  })

  it('lists every cell in which another is faster than our fastest exact solver, and no other', () => {
    const cells = [
      cell('native/jv', 20),
      cell('native/shortlist', 10),
      cell('python/lap', 9),
      cell('python/scipy', 15),
      cell('python/numpy-sgemm', 1),
      { family: 'uniform', n: 10, contender: 'python/lapjv', failure: 'not the optimum: 1.0e-3 too dear' },
      cell('npm/munkres', 5, 20),
    ]
    expect(lostCells(cells)).toEqual([{ ...cells[2], best: cells[1] }])
  })

  it('says where others are faster, and whose figures these are', () => {
    const [first] = readRuns()
    const figures = { least: 1, most: 30, peakBytes: 1e6 }
    const lost = [cell('native/shortlist', 10), cell('python/lap', 9)].map((found) => ({ ...found, ...figures }))
    const page = renderPerformance([{ ...first, cells: lost }])
    expect(page).toContain('| uniform, n = 10 | 1 | python/lap | 9.00 ms | native/shortlist | 10.0 ms | 0.900 |')
    expect(page).toContain(`\`${first.machine.commit.slice(0, 12)}\``)
    expect(page).toContain(`| ${first.machine.backend.simd}, `)
    expect(renderPerformance([{ ...first, cells: [] }])).toContain('There is none in these runs.')
  })
})
