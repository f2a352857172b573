import { describe, expect, it } from 'vitest'
import { checkSparse } from '../../src/assignment/check-sparse.js'
import { toProblem } from '../../src/assignment/problem.js'
import { solveAssignment, solveAssignmentSync } from '../../src/assignment/solve.js'
import { getBackendSync } from '../../src/backend/select.js'
import type { SparseMatrix } from '../../src/tensor/sparse-matrix.js'
import { availableBackends } from '../helpers/available-backends.js'

const good: SparseMatrix = {
  indptr: Int32Array.of(0, 2, 4, 6),
  indices: Int32Array.of(0, 1, 2, 0, 1, 2),
  data: Float32Array.of(4, 1, 5, 2, 2, 2),
  rows: 3,
  columns: 3,
}

function detached<T extends Int32Array | Float32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

const bad: [string, object, RegExp][] = [
  [
    'an indptr of another type',
    { indptr: [0, 2, 4, 6] },
    /an Int32Array or a Float64Array for `costs.indptr`, got an array/,
  ],
  ['no indices', { indices: undefined }, /Expected an Int32Array for `costs.indices`, got undefined/],
  ['indices of another type', { indices: new Float64Array(6) }, /an Int32Array for `costs.indices`, got Float64Array/],
  ['data of another type', { data: new Int32Array(6) }, /a Float32Array or a Float64Array for `costs.data`/],
  ['no rows', { rows: undefined }, /an integer for `costs.rows`, got undefined/],
  ['columns that are a fraction', { columns: 2.5 }, /`costs.columns`, got 2.5/],
  ['negative rows', { rows: -1 }, /`costs.rows`, got -1/],
  ['a short indptr', { rows: 4 }, /Expected 5 elements for `costs.indptr`, got Int32Array of length 4/],
  [
    'an indptr that does not begin at 0',
    { indptr: Int32Array.of(1, 2, 4, 6) },
    /Expected 0 for `costs.indptr\[0\]`, got 1/,
  ],
  ['an indptr that falls', { indptr: Int32Array.of(0, 4, 2, 6) }, /at least 4 for `costs.indptr\[2\]`, got 2/],
  ['an indptr of fractions', { indptr: Float64Array.of(0, 1.5, 4, 6) }, /`costs.indptr\[1\]`, got 1.5/],
  ['an indptr with NaN', { indptr: Float64Array.of(0, NaN, 4, 6) }, /`costs.indptr\[1\]`, got NaN/],
  [
    'too few indices',
    { indices: new Int32Array(5) },
    /Expected 6 elements for `costs.indices`, got Int32Array of length 5/,
  ],
  [
    'too much data',
    { data: new Float64Array(7) },
    /Expected 6 elements for `costs.data`, got Float64Array of length 7/,
  ],
  ['a column past the end', { columns: 2 }, /a column from 0 to 1 for `costs.indices\[2\]`, got 2/],
  ['a column below 0', { indices: Int32Array.of(0, 1, -2, 0, 1, 2) }, /from 0 to 2 for `costs.indices\[2\]`, got -2/],
  ['indices whose memory is gone', { indices: detached(new Int32Array(6)) }, /`costs.indices` was transferred away/],
  ['data whose memory is gone', { data: detached(new Float32Array(6)) }, /`costs.data` was transferred away/],
]

describe('checkSparse', () => {
  it('takes parts that fit together', () => {
    checkSparse('', good)
    checkSparse('', { ...good, indptr: Float64Array.from(good.indptr), columns: 5 })
    checkSparse('', {
      indptr: new Int32Array(1),
      indices: new Int32Array(0),
      data: new Float64Array(0),
      rows: 0,
      columns: 0,
    })
  })

  it.each(bad)('refuses %s', (_, change, message) => {
    expect(() => checkSparse('costs.', { ...good, ...change })).toThrow(message)
  })
})

describe.each(availableBackends)('sparse costs on the %s backend', (backend) => {
  it('are solved, at once as in time', async () => {
    const assignment = await solveAssignment(good, { backend })
    expect(Array.from(assignment.rowToColumn)).toEqual([1, 0, 2])
    expect(assignment).toMatchObject({ cost: 5, source: 'sparse', backend, certificate: { optimal: true, gap: 0 } })
    const { milliseconds: _, ...inTime } = assignment
    const { milliseconds: __, ...atOnce } = solveAssignmentSync(good, { backend })
    expect(atOnce).toEqual(inTime)
  })

  it('do not reach it where they are malformed', async () => {
    for (const [, change, message] of bad) {
      const costs = { ...good, ...change } as SparseMatrix
      await expect(solveAssignment(costs, { backend })).rejects.toThrow(message)
      expect(() => solveAssignmentSync(costs, { backend })).toThrow(message)
    }
  })

  it('have their own shape', () => {
    expect(() => solveAssignmentSync(good, { backend, rows: 3 })).toThrow(/nothing with sparse rows for `rows`, got 3/)
    expect(() =>
      solveAssignmentSync(good, { backend, prices: { u: new Float64Array(3), v: new Float64Array(2) } }),
    ).toThrow(/3 elements for `prices.v`/)
  })

  it('may be written or transferred once the job has begun, where they are small', async () => {
    const costs = { ...good, indptr: good.indptr.slice(), indices: good.indices.slice(), data: good.data.slice() }
    const solving = getBackendSync(backend).solve(toProblem(costs, {}, false), {})
    costs.indptr.fill(7)
    costs.indices.fill(99)
    costs.data.fill(-1)
    detached(costs.indices)
    expect((await solving).cost).toBe(5)
  })

  it('may be shared', async () => {
    const shared = <T extends Int32Array | Float32Array>(array: T): T => {
      const Type = array.constructor as new (buffer: SharedArrayBuffer) => T
      const copy = new Type(new SharedArrayBuffer(array.byteLength))
      copy.set(array)
      return copy
    }
    const costs = { ...good, indices: shared(good.indices), data: shared(good.data as Float32Array) }
    expect((await solveAssignment(costs, { backend })).cost).toBe(5)
  })

  it('stop when told to', async () => {
    const reason = new Error('enough')
    await expect(solveAssignment(good, { backend, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
