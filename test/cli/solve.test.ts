import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openNpz } from '../../src/formats/npz.js'
import { encodeNpy, type NpyArray } from '../../src/output/npy.js'
import { encodeNpz } from '../../src/output/npz.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { availableBackends } from '../helpers/available-backends.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { mulberry32 } from '../helpers/random.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const random = mulberry32(41)

function file(name: string, data: NpyArray, shape: readonly number[]): string {
  writeFileSync(join(folder, name), encodeNpy(data, shape))
  return join(folder, name)
}

const costs = Float64Array.of(4, 1, 3, 2, 0, 5, 3, 2, 2)
const small = file('small.npy', costs, [3, 3])
const solve = async (...args: string[]) => {
  const { code, stdout, stderr } = await runCommandLine(['solve', ...args, '--json', '-q'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe.each(availableBackends)('solve on the %s backend', (backend) => {
  it('prints exactly the JSON of the contract', async () => {
    const found = await solve(small, '--backend', backend)
    expect(Object.keys(found)).toEqual([
      'rows',
      'columns',
      'cost',
      'solver',
      'backend',
      'source',
      'certificate',
      'milliseconds',
    ])
    expect(found).toMatchObject({ rows: 3, columns: 3, cost: 5, solver: 'jv', backend, source: 'dense' })
    expect(found.certificate).toMatchObject({ gap: 0, optimal: true, proof: 'full' })
    expect(Object.keys(found.milliseconds)).toEqual(['load', 'solve', 'verify'])
  })

  it('stops at a time limit with a true bound', async () => {
    const noise = file(
      'noise.npy',
      Float64Array.from({ length: 250_000 }, (_, e) => (e % 500) * Math.floor(e / 500) + random()),
      [500, 500],
    )
    const found = await solve(noise, '--backend', backend, '--time-limit', '0')
    expect(found.timedOut).toBe(true)
    expect(found.certificate).toMatchObject({ optimal: false })
    expect(found.certificate.gap).toBeGreaterThan(0)
    const { stdout } = await runCommandLine(['solve', noise, '--backend', backend, '--time-limit', '0', '-q'])
    expect(stdout).toMatch(/stopped at the time limit: at most \S+ from the optimum/)
  })

  it.each([
    { args: ['--maximize'], cost: 11 },
    { args: ['--unmatched-cost', '0.5'], cost: 1 },
    { args: ['--solver', 'shortlist'], cost: 5 },
  ])('takes $args', async ({ args, cost }) => {
    expect((await solve(small, '--backend', backend, ...args)).cost).toBe(cost)
  })
})

describe('solve', () => {
  it('reads rectangular matrices of integers and of an npz', async () => {
    const wide = file('wide.npy', Int32Array.of(9, 1, 8, 7, 6, 2), [2, 3])
    expect(await solve(wide)).toMatchObject({ rows: 2, columns: 3, cost: 3 })
    const npz = join(folder, 'two.npz')
    const first = { data: Float32Array.of(1, 2, 3, 5), shape: [2, 2] }
    writeFileSync(npz, encodeNpz({ first, list: Float32Array.of(1), second: { data: costs, shape: [3, 3] } }))
    expect((await solve(npz, '--array', 'first')).cost).toBe(5)
    expect((await solve(npz, '--array', 'second')).cost).toBe(5)
    const { code, stderr } = await runCommandLine(['solve', npz])
    expect(code).toBe(1)
    expect(stderr).toContain('expected one matrix, found first, second (TENSOR_MISSING)')
    expect(stderr).toContain('--array')
  })

  it.each([
    ['f64', '<f8', (values: number[]) => new Uint8Array(Float64Array.from(values).buffer)],
    ['integers', '|i1', (values: number[]) => Uint8Array.from(values)],
  ])('solves a matrix that is stored by columns, of %s', async (name, descr, encode) => {
    // [[9, 1, 8], [7, 6, 2]]
    const path = join(folder, `by-columns-${name}.npy`)
    writeFileSync(path, npyBytes(descr, [2, 3], encode([9, 7, 1, 6, 8, 2]), true))
    const out = join(folder, `by-columns-${name}.npz`)
    expect(await solve(path, '--out', out)).toMatchObject({ rows: 2, columns: 3, cost: 3 })
    const npz = await openNpz(out)
    const read = async (array: string) => [...toFloat64(await npz.read(array))]
    expect(await read('row_to_column')).toEqual([1, 2])
    expect(await read('column_to_row')).toEqual([-1, 0, 1])
    const [u, v] = [await read('u'), await read('v')]
    expect([u.length, v.length]).toEqual([2, 3])
    for (const [i, row] of [
      [9, 1, 8],
      [7, 6, 2],
    ].entries()) {
      for (const [j, entry] of row.entries()) expect(u[i] + v[j]).toBeLessThanOrEqual(entry)
    }
    await npz.close()
  })

  it('says what rows are in a message about a matrix that is stored by columns', async () => {
    const path = join(folder, 'nan-by-columns.npy')
    const data = new Uint8Array(Float64Array.of(1, 2, Number.NaN, 4).buffer)
    writeFileSync(path, npyBytes('<f8', [2, 2], data, true))
    const { code, stderr } = await runCommandLine(['solve', path])
    expect(code).toBe(1)
    expect(stderr).toContain(
      '(the matrix is stored by columns, so its columns are the rows in this message) (COST_NAN)',
    )
  })

  it('proves from the lists of the solver when told to', async () => {
    const { certificate } = await solve(small, '--solver', 'shortlist', '--verify', 'shortlist')
    expect(certificate).toMatchObject({ proof: 'shortlist', optimal: true })
  })

  it('refuses a folder as its output before it reads anything', async () => {
    const { code, stderr } = await runCommandLine(['solve', join(folder, 'absent.npy'), '--out', folder])
    expect(code).toBe(1)
    expect(stderr).toContain(`${folder}: a folder of that name is in the way (EISDIR) (OUTPUT_FAILED)`)
  })

  it('tells people what was found and how sure it is', async () => {
    const { code, stdout } = await runCommandLine(['solve', small])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^3 × 3 {2}3 pairs, total 5\n {2}optimal, proved over every pair: gap 0 within rounding/)
  })

  it.each([
    { name: 'nan.npy', data: Float32Array.of(1, Number.NaN, 2, 3), shape: [2, 2], code: 'COST_NAN' },
    { name: 'list.npy', data: Float32Array.of(1, 2), shape: [2], code: 'TENSOR_SHAPE' },
    { name: 'forbidden.npy', data: Float64Array.of(1, 2, Infinity, Infinity), shape: [2, 2], code: 'INFEASIBLE' },
  ])('refuses $name', async ({ name, data, shape, code: errorCode }) => {
    const out = join(folder, `${name}.npz`)
    const { code, stderr } = await runCommandLine(['solve', file(name, data, shape), '--out', out])
    expect(code).toBe(1)
    expect(stderr).toContain(`(${errorCode})`)
    expect(readdirSync(folder).filter((entry) => entry.startsWith(`${name}.npz`) || entry.endsWith('.tmp'))).toEqual([])
  })

  it('refuses a truncated file', async () => {
    const path = join(folder, 'short.npy')
    writeFileSync(path, readFileSync(small).subarray(0, 150))
    const { code, stderr } = await runCommandLine(['solve', path])
    expect(code).toBe(1)
    expect(stderr).toContain('(FILE_TRUNCATED)')
  })

  it.skipIf(python === null)(`writes what scipy finds too, in arrays that numpy opens${needsPython}`, async () => {
    const data = Float64Array.from({ length: 60 * 45 }, () => Math.floor(random() * 1000))
    const path = file('random.npy', data, [60, 45])
    const out = join(folder, 'solved.npz')
    const { cost } = await solve(path, '--out', out)
    const script = `
import json, sys, numpy as np
from scipy.optimize import linear_sum_assignment
costs, z = np.load(sys.argv[1]), np.load(sys.argv[2])
rows, columns = linear_sum_assignment(costs)
a, b = z["row_to_column"], z["column_to_row"]
pairs = np.flatnonzero(a >= 0)
assert (b[a[pairs]] == pairs).all() and len(pairs) == 45
assert (costs - z["u"][:, None] - z["v"][None, :] >= 0).all()
print(json.dumps([costs[rows, columns].sum(), costs[pairs, a[pairs]].sum(), str(a.dtype), str(z["u"].dtype)]))`
    expect(JSON.parse(runPython(script, [path, out]))).toEqual([cost, cost, 'int32', 'float64'])
  })
})
