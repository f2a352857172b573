import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { availableBackends } from '../helpers/available-backends.js'
import { finished, runCommandLine, spawnCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const bench = (...args: string[]) => runCommandLine(['bench', ...args])
const tiny = ['--families', 'planted-40,integers', '--sizes', '16', '--dimension', '4', '--repetitions', '2']
/** At size 3,000 this takes many seconds. */
const slow = ['--families', 'low-rank', '--backends', 'typescript', '--solvers', 'jv']

describe('bench', () => {
  it('prints exactly one JSON object, which it also writes', async () => {
    const out = join(folder, 'bench.json')
    const { code, stdout, stderr } = await bench(...tiny, '--json', '--quiet', '--out', out)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(readFileSync(out, 'utf8')).toBe(stdout)
    const report = JSON.parse(stdout)
    expect(Object.keys(report)).toEqual(['schemaVersion', 'machine', 'options', 'cells'])
    expect(report.schemaVersion).toBe(1)
    expect(Object.keys(report.machine).sort()).toEqual(
      ['date', 'cpu', 'cores', 'memoryBytes', 'platform', 'os', 'node', 'version', 'simd', 'addonCommit'].sort(),
    )
    expect(report.machine.simd === null).toBe(!availableBackends.includes('native'))
    expect(report.options).toMatchObject({ families: ['planted-40', 'integers'], sizes: [16], seed: 1, dimension: 4 })
    const solversOf = (b: string) => ['jv', 'shortlist', ...(b === 'native' ? ['auction'] : []), 'greedy']
    const contenders = availableBackends.flatMap((b) => solversOf(b).map((s) => `${b}/${s}`)).sort()
    for (const family of report.options.families) {
      const cells = report.cells.filter((cell: { family: string }) => cell.family === family)
      expect(cells.map((cell: { contender: string }) => cell.contender).sort()).toEqual(contenders)
      const base = cells.find((cell: { contender: string }) => cell.contender === report.options.against)
      expect(base.ratio).toBe(1)
      for (const cell of cells) {
        expect(cell).toMatchObject({ size: 16, failure: null, ratio: cell.median / base.median })
        expect(cell.milliseconds).toHaveLength(2)
        expect(cell.least).toBeLessThanOrEqual(cell.median)
        expect(cell.median).toBeLessThanOrEqual(cell.most)
        if (cell.solver === 'greedy') continue
        expect(cell.optimal).toBe(true)
        expect(Math.abs(cell.cost - base.cost)).toBeLessThanOrEqual(cell.roundingBound + base.roundingBound)
      }
    }
  })

  it('shows a table, and on standard error how far it is', async () => {
    const only = ['--backends', 'typescript', '--solvers', 'jv,greedy', '--against', 'typescript/greedy']
    const { code, stdout, stderr } = await bench(...tiny, ...only)
    expect(code).toBe(0)
    expect(stderr.trim().split('\n')).toEqual([
      '1 of 4  planted-40 16  typescript/jv',
      '2 of 4  planted-40 16  typescript/greedy',
      '3 of 4  integers 16  typescript/jv',
      '4 of 4  integers 16  typescript/greedy',
    ])
    expect(stdout).toContain('median of 2 (least .. most); ratio to typescript/greedy, below 1 is faster')
    expect(stdout).toContain('\nplanted-40, 16 × 16\n')
    expect(stdout).toMatch(/^ {2}contender +median +spread +ratio +proof$/m)
    expect(stdout).toMatch(/^ {2}typescript\/jv +[\d.]+ ms +\([\d.]+ ms \.\. [\d.]+ ms\) +[\d.]+ +optimal$/m)
    expect(stdout).toMatch(/^ {2}typescript\/greedy .* 1\.00 /m)
  })

  it('goes on after a cell that takes too long, and says so', async () => {
    const { code, stdout } = await bench(...slow, '--sizes', '3000,8', '--timeout', '5', '--json', '-q')
    expect(code).toBe(0)
    const [late, small] = JSON.parse(stdout).cells
    expect(late).toMatchObject({ size: 3000, failure: { kind: 'timeout', message: 'more than 5 s' } })
    expect(late).not.toHaveProperty('median')
    expect(small).toMatchObject({ size: 8, failure: null, optimal: true })
  })

  it.each([
    { args: ['--families', 'planted-41'], message: 'Unknown family planted-41. Did you mean planted-40?' },
    { args: ['--backends', 'typscript'], message: 'Unknown backend typscript. Did you mean typescript?' },
    { args: ['--solvers', 'simplex'], message: 'Unknown solver simplex' },
    { args: ['--against', 'typescript/vj'], message: 'Unknown contender typescript/vj. Did you mean typescript/jv?' },
    { args: ['--families', ','], message: '--families names nothing' },
    { args: ['--sizes', '0'], message: 'Expected whole numbers from 1 to 65536 for --sizes, got 0' },
    { args: ['--sizes', '10,ten'], message: 'for --sizes, got NaN' },
    { args: ['--repetitions', '1.5'], message: 'for --repetitions, got 1.5' },
    { args: ['--timeout', 'inf'], message: 'for --timeout, got Infinity' },
  ])('refuses $args', async ({ args, message }) => {
    const { code, stdout, stderr } = await bench(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  it('fails before it measures where a backend does not work or nothing can be written', async () => {
    process.env.SAE_MATCH_ADDON = '/nowhere/addon.node'
    const absent = await bench('--backends', 'cuda').finally(() => delete process.env.SAE_MATCH_ADDON)
    expect(absent).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('(DLOPEN_FAILED)') })
    const taken = await bench(...tiny, '--out', folder)
    expect(taken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^error .*\(OUTPUT_FAILED\)/) })
  })

  it.skipIf(process.platform === 'win32')('leaves nothing half-written after Ctrl-C', async () => {
    const out = join(folder, 'interrupted', 'bench.json')
    const child = spawnCommandLine(['bench', ...slow, '--sizes', '3000', '--out', out])
    const end = finished(child)
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (chunk) => {
        if (String(chunk).includes('1 of 1')) resolve()
      })
    })
    child.kill('SIGINT')
    const { code, stdout, stderr } = await end
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toContain('Interrupted.')
    expect(existsSync(out)).toBe(false)
    expect(readdirSync(join(folder, 'interrupted'))).toEqual([])
  })
})
