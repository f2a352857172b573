import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCosts } from '../../src/cli/cost-file.js'
import { openNpz } from '../../src/formats/npz.js'
import type { NpyArray } from '../../src/output/npy.js'
import { encodeNpz } from '../../src/output/npz.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { availableBackends } from '../helpers/available-backends.js'
import { expectFailure } from '../helpers/errors.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

/** What scipy.sparse.save_npz writes of [[4, 1, -], [2, -, 5]], but for one array. */
function file(change: Record<string, NpyArray | { data: NpyArray; shape: number[] }> = {}): string {
  const path = join(folder, 'costs.npz')
  const parts = {
    indices: Int32Array.of(0, 1, 0, 2),
    indptr: Int32Array.of(0, 2, 4),
    format: Uint8Array.from(Buffer.from('csr')),
    shape: Int32Array.of(2, 3),
    data: Float32Array.of(4, 1, 2, 5),
    ...change,
  }
  const arrays = Object.entries(parts).map(([name, part]) => {
    return [name, ArrayBuffer.isView(part) ? { data: part, shape: [part.length] } : part]
  })
  writeFileSync(path, encodeNpz(Object.fromEntries(arrays)))
  return path
}

const costs = {
  indptr: Float64Array.of(0, 2, 4),
  indices: Int32Array.of(0, 1, 0, 2),
  data: Float32Array.of(4, 1, 2, 5),
  rows: 2,
  columns: 3,
}

describe('readCosts of a sparse file', () => {
  it('takes the parts as they lie there', async () => {
    expect(await readCosts(file())).toEqual(costs)
  })

  it('widens integers, narrows wide indices, and leaves out room that was never used', async () => {
    const change = { indices: Float64Array.of(0, 1, 0, 2, 9, 9), data: Int32Array.of(4, 1, 2, 5, 7, 7) }
    expect(await readCosts(file(change))).toEqual({ ...costs, data: Float64Array.of(4, 1, 2, 5) })
  })

  it.each([
    ['csc', { format: Uint8Array.from(Buffer.from('csc')) }, 'of format csr, found csc'],
    ['coo', { format: Uint8Array.from(Buffer.from('coo')) }, 'of format csr, found coo'],
    ['an indptr too short for its shape', { shape: Int32Array.of(3, 3) }, 'expected 4 elements of indptr'],
    ['a shape of one number', { shape: Int32Array.of(3) }, 'expected 2 elements of shape'],
    ['a negative shape', { shape: Int32Array.of(2, -3) }, 'at shape[1], found -3'],
    ['more entries than indices', { indptr: Int32Array.of(0, 2, 5) }, 'expected 5 elements of indices'],
    ['more entries than data', { data: Float32Array.of(1) }, 'expected 4 elements of data'],
    ['an indptr with a fraction', { indptr: Float64Array.of(0, 2.5, 4) }, 'at indptr[1], found 2.5'],
    ['indices beyond an Int32Array', { indices: Float64Array.of(0, 1, 0, 2 ** 31) }, 'at indices[3], found 2147483648'],
    ['data of two dimensions', { data: { data: new Float32Array(4), shape: [2, 2] } }, 'shape (2, 2)'],
  ])('refuses %s', async (_, change, message) => {
    await expectFailure(readCosts(file(change)), 'FORMAT_INVALID', 'costs.npz', message)
  })

  it('misses a part', async () => {
    const path = join(folder, 'part.npz')
    const data = { data: Float32Array.of(1), shape: [1] }
    writeFileSync(
      path,
      encodeNpz({
        format: { data: Uint8Array.from(Buffer.from('csr')), shape: [3] },
        shape: { data: Int32Array.of(1, 1), shape: [2] },
        data,
      }),
    )
    await expectFailure(readCosts(path), 'TENSOR_MISSING', 'indptr')
  })
})

describe.each(availableBackends)('solve of a sparse file on the %s backend', (backend) => {
  it('names the source', async () => {
    const { code, stdout, stderr } = await runCommandLine(['solve', file(), '--backend', backend, '--json', '-q'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      rows: 2,
      columns: 3,
      cost: 3,
      backend,
      source: 'sparse',
      certificate: { optimal: true, gap: 0 },
    })
  })

  it('refuses what cannot be matched, and columns that do not exist', async () => {
    const forbidden = await runCommandLine([
      'solve',
      file({ indices: Int32Array.of(0, 1, 0, 1), indptr: Int32Array.of(0, 4, 4) }),
      '--backend',
      backend,
    ])
    expect(forbidden.code).toBe(1)
    expect(forbidden.stderr).toMatch(/\(COST_DUPLICATE\)|\(INFEASIBLE\)/)
    const outside = await runCommandLine(['solve', file({ indices: Int32Array.of(0, 1, 0, 3) }), '--backend', backend])
    expect(outside.code).toBe(1)
    expect(outside.stderr).toContain('Expected a column from 0 to 2 for `costs.indices[3]`, got 3')
  })
})

const script = `
import sys, numpy as np
from scipy.sparse import csr_array, csr_matrix, random_array, save_npz, eye_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
folder = sys.argv[1]
rng = np.random.default_rng(3)
matrix = (random_array((60, 80), density=0.1, rng=rng, format="csr") + csr_array(eye_array(60, 80))).tocsr()
rows, columns = min_weight_full_bipartite_matching(matrix)
save_npz(f"{folder}/array.npz", matrix)
save_npz(f"{folder}/matrix.npz", csr_matrix(matrix.astype(np.float32)), compressed=False)
wide = matrix.copy(); wide.indices = wide.indices.astype(np.int64); wide.indptr = wide.indptr.astype(np.int64)
np.savez(f"{folder}/wide.npz", format=b"csr", shape=np.array(wide.shape), data=wide.data, indices=wide.indices, indptr=wide.indptr)
for name in ["csc", "coo", "bsr", "dia"]:
    save_npz(f"{folder}/{name}.npz", matrix.asformat(name))
print(matrix.toarray()[rows, columns].sum())
`

describe('solve of files of scipy', () => {
  it.skipIf(python === null)(`finds what scipy finds${needsPython}`, { timeout: 60_000 }, async () => {
    const expected = Number(runPython(script, [folder]))
    for (const name of ['array', 'matrix', 'wide']) {
      const out = join(folder, `${name}-solved.npz`)
      const { code, stdout, stderr } = await runCommandLine([
        'solve',
        join(folder, `${name}.npz`),
        '--out',
        out,
        '--json',
        '-q',
      ])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { cost, source } = JSON.parse(stdout)
      expect(source).toBe('sparse')
      expect(Math.abs(cost - expected)).toBeLessThan(name === 'matrix' ? 1e-5 : 1e-12)
      const npz = await openNpz(out)
      expect(new Set(toFloat64(await npz.read('row_to_column'))).size).toBe(60)
      await npz.close()
    }
    for (const name of ['csc', 'coo', 'bsr', 'dia']) {
      const { code, stderr } = await runCommandLine(['solve', join(folder, `${name}.npz`)])
      expect(code).toBe(1)
      expect(stderr).toContain(`expected a sparse matrix of format csr, found ${name} (FORMAT_INVALID)`)
      expect(stderr).toContain('scipy.sparse.save_npz(path, matrix.tocsr())')
    }
  })
})
