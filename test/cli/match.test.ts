import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { writeSaeLens } from '../helpers/checkpoint-files.js'
import { mulberry32 } from '../helpers/random.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { normals } from '../helpers/synthetic-sae.js'
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
    expect(existsSync(join(folder, pairs[0].file))).toBe(true)
    expect(pairs[0].warnings).toEqual([])
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
    expect(Object.keys(pairs[0].summary)).toEqual(['matched', 'random', 'nearest', 'mutualShare'])
    expect(pairs[0].summary).toMatchObject({ random: null, nearest: null, mutualShare: null })
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
    expect(record.ran).toMatchObject({ source: 'implicit', scoredScale: 'fold' })
  })

  it('warns of a factor that it has to assume, and takes it', async () => {
    const random = mulberry32(3)
    const write = (name: string) =>
      writeSaeLens(
        join(folder, name),
        { architecture: 'jumprelu', normalize_activations: 'expected_average_only_in' },
        {
          W_enc: { data: normals(random, 12), shape: [3, 4] },
          W_dec: { data: normals(random, 12), shape: [4, 3] },
          b_enc: { data: normals(random, 4), shape: [4] },
          b_dec: { data: normals(random, 3), shape: [3] },
          threshold: { data: Float64Array.of(1, 2, 3, 4), shape: [4] },
        },
      )
    const [a, b] = [write('scaled_a'), write('scaled_b')]
    const matched = async (...args: string[]) => {
      const typed = ['match', a, b, '--json', '--out', 'scaled', ...args]
      const { code, stdout, stderr } = await runCommandLine(typed, {}, folder)
      expect(code).toBe(0)
      return { cost: JSON.parse(stdout).pairs[0].cost as number, stderr }
    }
    const outcomes = [await matched(), await matched('--activation-scale', '0.5,0.25')]
    expect(outcomes[0].stderr).toContain(`! ${a}: Activations are scaled`)
    expect(outcomes[1].stderr).not.toContain('!')
    const records = readdirSync(join(folder, 'scaled', 'pairs'))
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, 'scaled', 'pairs', name), 'utf8')))
    expect(records).toHaveLength(2)
    const [assumed, told] = outcomes.map(({ cost }) => records.find((record) => record.cost === cost))
    expect(assumed.options.activationScale).toBeNull()
    expect(assumed.warnings).toEqual([a, b].map((path) => expect.stringContaining(`${path}: Activations are scaled`)))
    expect(assumed.warnings[0]).toContain('--activation-scale')
    expect(told.options.activationScale).toEqual([0.5, 0.25])
    expect(told.warnings).toEqual([])
  })

  it('gives each side its own factor, also of the same checkpoint', async () => {
    const { code, stdout } = await runCommandLine(
      ['match', 'scaled_a', 'scaled_a', '--json', '-q', '--out', 'same', '--activation-scale', '0.5,0.25'],
      {},
      folder,
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout).pairs[0].cost).toBeGreaterThan(0)
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
