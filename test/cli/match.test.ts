import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const layer = (number: number) =>
  fileURLToPath(new URL(`../../examples/smollm2-135m-1024/layer_${number}`, import.meta.url))
const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await runCommandLine(
    ['match', layer(12), layer(14), '--json', '-q', ...args],
    {},
    folder,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe('match', () => {
  it('holds the match against what needs no second assignment', async () => {
    const { out, pairs } = await run()
    expect(out).toBe('sae-match-run')
    expect(existsSync(join(folder, out, 'run.json'))).toBe(true)
    expect(Object.keys(pairs[0].summary).sort()).toEqual([
      'identity',
      'matched',
      'mutual',
      'mutualShare',
      'nearest',
      'nearestBToA',
      'random',
      'randomExpected',
    ])
  })

  it('takes options to the files', async () => {
    const { pairs } = await run(
      '--out',
      'options',
      '--scale',
      'unit',
      '--weights',
      'decoder=1,encoder=0.5,bias=0',
      '--unmatched-cost',
      '1.5',
      '--source',
      'implicit',
      '--solver',
      'jv',
      '--baselines',
      'none',
    )
    expect(pairs[0]).toMatchObject({ solver: 'jv', certificate: { optimal: true } })
    expect(pairs[0].matched).toBeLessThan(1024)
    expect(Object.keys(pairs[0].summary)).toEqual(['matched'])
    const [file] = readdirSync(join(folder, 'options', 'pairs')).filter((name) => name.endsWith('.json'))
    const record = JSON.parse(readFileSync(join(folder, 'options', 'pairs', file), 'utf8'))
    expect(record.options).toMatchObject({
      scale: 'unit',
      weights: { decoder: 1, encoder: 0.5, bias: 0 },
      unmatchedCost: 1.5,
      source: 'implicit',
      solver: 'jv',
      baselines: 'none',
    })
    expect(record.ran).toMatchObject({ source: 'implicit', scoredScale: 'unit' })
  })

  it('collects the pairs of a folder in one summary', async () => {
    await run('--out', 'both')
    await run('--out', 'both', '--weights', 'decoder')
    expect(
      readFileSync(join(folder, 'both', 'summary.csv'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(3)
  })

  it('computes on as many threads as it is told to', async () => {
    const { code, stdout } = await runCommandLine(
      ['match', layer(12), layer(14), '--threads', '1', '--out', 'one'],
      {},
      folder,
    )
    expect(code).toBe(0)
    expect(stdout.split('\n')[0]).toMatch(/1 thread\)$/)
  })

  it('takes a family by name, and refuses one that does not fit', async () => {
    expect((await run('--format', 'sae-lens', '--out', 'named')).pairs).toHaveLength(1)
    const { code, stderr } = await runCommandLine(
      ['match', layer(12), layer(14), '--format', 'gemma-scope'],
      {},
      folder,
    )
    expect(code).toBe(1)
    expect(stderr).toContain('error ')
  })
})
