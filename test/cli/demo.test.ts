import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { availableBackends } from '../helpers/available-backends.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { nodeArguments, runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const scores = ['bias', 'decoder', 'encoder', 'total']

describe.each(availableBackends)('demo on the %s backend', (backend) => {
  const out = join(folder, backend)

  it('prints exactly the JSON of the contract', async () => {
    const { code, stdout, stderr } = await runCommandLine([
      'demo',
      '--backend',
      backend,
      '--out',
      out,
      '--json',
      '--quiet',
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const found = JSON.parse(stdout)
    expect(Object.keys(found)).toEqual(['backend', 'out', 'pairs'])
    expect(found).toMatchObject({ backend, out })
    expect(found.pairs.map(({ a, b, layerA, layerB }: Record<string, unknown>) => [a, b, layerA, layerB])).toEqual([
      ['layer_12', 'layer_13', 12, 13],
      ['layer_13', 'layer_14', 13, 14],
    ])
    for (const pair of found.pairs) {
      expect(Object.keys(pair)).toEqual([
        ...['a', 'b', 'layerA', 'layerB', 'n', 'm', 'matched', 'cost', 'solver', 'backend', 'certificate'],
        ...['file', 'warnings', 'milliseconds', 'summary'],
      ])
      expect(pair).toMatchObject({ n: 1024, m: 1024, matched: 1024, backend, solver: 'shortlist' })
      expect(Object.keys(pair.certificate)).toEqual([
        'primal',
        'dual',
        'gap',
        'roundingBound',
        'minReducedCost',
        'proof',
        'optimal',
      ])
      expect(pair.certificate).toMatchObject({ optimal: true, proof: 'full', primal: pair.cost })
      expect(Object.keys(pair.milliseconds)).toEqual(['load', 'fold', 'cost', 'solve', 'verify', 'write', 'total'])
      const { mutualShare, ...methods } = pair.summary
      expect(mutualShare).toBeGreaterThan(0.3)
      for (const name of ['matched', 'identity', 'random', 'nearest', 'unfolded', 'cosine']) {
        expect(Object.keys(methods[name]).sort()).toEqual(scores)
      }
      for (const name of ['identity', 'random', 'unfolded']) {
        expect(methods.matched.total).toBeLessThan(methods[name].total)
      }
    }
  })

  it('prints a table and a run directory for people, within 80 columns', async () => {
    const { code, stdout } = await runCommandLine(['demo', '--backend', backend, '--out', 'run'], {}, folder)
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^sae-match \\S+  ${backend} backend \\(`))
    const methods = [
      'folded match',
      'unfolded match',
      'cosine match',
      'identity',
      'random',
      'nearest',
      'optimal, full proof',
    ]
    for (const method of methods)
      expect(stdout.match(new RegExp(`^  ${method}`, 'gm'))).toHaveLength(method === 'random' ? 4 : 2)
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80)
    expect(readdirSync(join(folder, 'run')).sort()).toEqual(['pairs', 'run.json', 'summary.csv'])
  })

  it('writes the same arrays every time', () => {
    const npz = (path: string) => {
      const names = readdirSync(join(path, 'pairs')).filter((name) => name.endsWith('.npz'))
      return names.sort().map((name) => [name, readFileSync(join(path, 'pairs', name)).toString('base64')])
    }
    const again = npz(join(folder, 'run'))
    for (const entry of npz(out)) expect(again).toContainEqual(entry)
  })

  it.skipIf(python === null)(`writes arrays that numpy opens${needsPython}`, () => {
    const script = `
import glob, sys, numpy as np
for name in sorted(glob.glob(sys.argv[1] + "/pairs/*.npz")):
    z = np.load(name, allow_pickle=False)
    a, b = z["a_to_b"], z["b_to_a"]
    assert a.dtype == b.dtype == np.int32 and (b[a] == np.arange(1024)).all()
    total = z["u"].sum() + z["v"].sum()
    assert z["cost"].dtype == np.float32 and abs(z["cost"].sum(dtype="f8") - total) <= 2**-24 * total
    print("opened")`
    expect(runPython(script, [out])).toBe('opened\nopened\n')
  })
})

it.skipIf(process.platform === 'win32')('leaves nothing half-written when the device fills up', () => {
  const out = join(folder, 'full')
  const main = nodeArguments(new URL('../../src/cli/main.ts', import.meta.url), ['demo', '--out', out, '--quiet'])
  const limited = ['-c', 'ulimit -f 32; "$@" 2>&1; echo "exit $?"', 'bash', process.execPath, ...main]
  const output = String(execFileSync('bash', limited))
  expect(output).toContain('file size limit exceeded (EFBIG) (OUTPUT_FAILED)')
  expect(output).toMatch(/exit 1\n$/)
  expect(existsSync(out)).toBe(false)
})

it('refuses a folder that cannot be written before it computes anything', async () => {
  const out = join(folder, 'run', 'summary.csv')
  const { code, stdout, stderr } = await runCommandLine(['demo', '--json', '--out', out])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(out)
  expect(stderr).toContain('(OUTPUT_FAILED)')
})
