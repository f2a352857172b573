import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeLayer } from '../helpers/layers.js'
import { finished, runCommandLine, spawnCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const run = (...args: string[]) => runCommandLine(['pairs', ...args], {}, folder)

beforeAll(() => {
  for (const layer of [1, 2, 3]) writeLayer(join(folder, 'saes', `layer_${layer}`), { layer })
})

describe('pairs', () => {
  it('shows a line a pair, and goes on where it was', async () => {
    const { code, stdout, stderr } = await run('saes', '--in-flight', '1')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^sae-match \S+ {2}\S+ backend/)
    expect(stdout).toMatch(/^layer_1 → layer_2 +12 .* optimal +\d/m)
    expect(stdout).toMatch(/^layer_2 → layer_3 +12 .* optimal +\d/m)
    expect(stdout).toMatch(/^Run directory: sae-match-run$/m)
    expect(stderr).toMatch(/^layer_1 → layer_2 {2}.* {2}\[1\/2 pairs, .* left\]$/m)
    expect(stderr).toMatch(/^layer_2 → layer_3 {2}.* {2}\[2\/2 pairs\]$/m)
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80)

    const again = await run('saes', '--all')
    expect(again.stderr).toContain('2 of 3 pairs are done already')
    expect(again.stdout.match(/ before$/gm)).toHaveLength(2)
    expect(readdirSync(join(folder, 'sae-match-run')).sort()).toEqual(['pairs', 'run.json', 'summary.csv'])
  })

  it('prints exactly the JSON of the contract', async () => {
    const { code, stdout, stderr } = await run('saes', '--json', '-q', '--out', 'json', '--shard', '1/2')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const found = JSON.parse(stdout)
    expect(Object.keys(found)).toEqual(['backend', 'out', 'pairs', 'failed', 'notes'])
    expect(found).toMatchObject({ out: 'json', failed: [], notes: [] })
    expect(found.pairs).toHaveLength(1)
    expect(found.pairs[0]).toMatchObject({ a: 'layer_1', b: 'layer_2', layerA: 1, layerB: 2, n: 12, reused: false })
    expect(Object.keys(found.pairs[0])).toEqual([
      ...['a', 'b', 'layerA', 'layerB', 'n', 'm', 'matched', 'cost', 'solver', 'backend', 'certificate'],
      ...['file', 'warnings', 'milliseconds', 'summary', 'reused'],
    ])
  })

  it('lists what it would do, and does nothing', async () => {
    const { code, stdout } = await run('saes', '--dry-run', '--json', '--out', 'json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).pairs).toEqual([
      { a: 'layer_1', b: 'layer_2', layerA: 1, layerB: 2, n: 12, m: 12, readable: true, done: true },
      { a: 'layer_2', b: 'layer_3', layerA: 2, layerB: 3, n: 12, m: 12, readable: true, done: false },
    ])
    const text = await run('saes', '--dry-run', '--out', 'dry')
    expect(text.stdout).toMatch(/^layer_2 → layer_3 +12 × 12 +to do$/m)
    expect(text.stdout).toContain('0 of 2 pairs are done in dry')
    expect(existsSync(join(folder, 'dry'))).toBe(false)
  })

  it('says nothing but the result with -q, and asks for no folder to list pairs', async () => {
    writeFileSync(join(folder, 'in-the-way'), '')
    const { code, stdout, stderr } = await run('saes', '--dry-run', '-q', '--out', 'in-the-way/run')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^pair +features\nlayer_1 → layer_2 /)
  })

  it('takes a list, and names the line that is wrong', async () => {
    writeFileSync(join(folder, 'list.csv'), `layer_3,layer_1\nlayer_2,${join(folder, 'saes', 'layer_3')}\n`)
    const { stdout } = await run('saes', '--pairs', 'list.csv', '--json', '-q', '--out', 'listed')
    expect(JSON.parse(stdout).pairs.map(({ a, b }: { a: string; b: string }) => [a, b])).toEqual([
      ['layer_3', 'layer_1'],
      ['layer_2', 'layer_3'],
    ])
    writeFileSync(join(folder, 'wrong.csv'), 'layer_1,layer_2\nlayer_1,layer_7\n')
    const wrong = await run('saes', '--pairs', 'wrong.csv', '--out', 'wrong')
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toMatch(/wrong\.csv:2: .*layer_7.*\(FILE_NOT_FOUND\)/)
    expect((await run('saes', '--pairs', 'nowhere.csv')).stderr).toContain('(FILE_NOT_FOUND)')
  })

  it('ends with 1 where a pair failed, and finishes the others', async () => {
    const path = writeLayer(join(folder, 'damaged', 'layer_1'), { layer: 1 })
    for (const layer of [2, 3]) writeLayer(join(folder, 'damaged', `layer_${layer}`), { layer })
    truncateSync(join(path, 'sae_weights.safetensors'), 100)
    const { code, stdout, stderr } = await run('damaged', '--json', '--out', 'damaged-run')
    expect(code).toBe(1)
    const { pairs, failed } = JSON.parse(stdout)
    expect(pairs).toMatchObject([{ a: 'layer_2', b: 'layer_3' }])
    expect(failed).toEqual([
      {
        ...{ a: 'layer_1', b: 'layer_2', layerA: 1, layerB: 2, code: 'FILE_TRUNCATED' },
        message: expect.stringContaining('sae_weights.safetensors'),
      },
    ])
    expect(stderr).toContain('error 1 of 2 pairs failed; the first: layer_1 → layer_2: ')
    expect(JSON.parse(readFileSync(join(folder, 'damaged-run', 'run.json'), 'utf8')).failed).toHaveLength(1)
    const text = await run('damaged', '--out', 'damaged-run')
    expect(text.code).toBe(1)
    expect(text.stdout).toContain('! layer_1 → layer_2: ')
  })

  it.each([
    { args: [], message: 'Expected DIR... or --from RELEASE, got nothing' },
    { args: ['saes', '--all', '--adjacent'], message: 'Expected one of --adjacent and --all' },
    { args: ['saes', '--shard', '3/2'], message: 'Expected a part such as 1/4 for --shard, got 3/2' },
    { args: ['saes', '--shard', '0/2'], message: 'Expected a part such as 1/4 for --shard, got 0/2' },
    { args: ['saes', '--in-flight', '0'], message: 'Expected 1 to 999 for --in-flight, got 0' },
  ])('ends with 2 for $args', async ({ args, message }) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(`error ${message}\n`)
  })
})

describe.skipIf(process.platform === 'win32')('Ctrl-C', () => {
  it('stops in order; finished pairs stay and are listed', async () => {
    const wide = join(folder, 'wide')
    for (const layer of [1, 2, 3, 4]) {
      writeLayer(join(wide, `layer_${layer}`), { layer, features: 700, dimension: 16 })
    }
    const out = join(folder, 'interrupted')
    const child = spawnCommandLine(['pairs', wide, '--all', '--backend', 'typescript', '--out', out])
    const end = finished(child)
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (chunk) => String(chunk).includes('[1/6 pairs') && resolve())
    })
    child.kill('SIGINT')
    const { code, stderr } = await end
    expect(code).toBe(130)
    expect(stderr).toContain('Interrupted.')
    const files = readdirSync(join(out, 'pairs'))
    const done = files.filter((name) => name.endsWith('.json')).length
    expect(done).toBeGreaterThanOrEqual(1)
    expect(done).toBeLessThan(6)
    expect(files).toHaveLength(2 * done)
    expect(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')).pairs).toHaveLength(done)
  })
})
