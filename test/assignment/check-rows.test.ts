import { describe, expect, it } from 'vitest'
import { checkRowPair } from '../../src/assignment/check-rows.js'
import { costMatrix } from '../../src/assignment/cost-matrix.js'
import { solveAssignment, solveAssignmentSync } from '../../src/assignment/solve.js'
import type { Rows } from '../../src/sae/rows.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { availableBackends } from '../helpers/available-backends.js'

const good: Rows = {
  blocks: [
    { name: 'decoder', matrix: rowMajor(new Float32Array(6), 'f32', 3, 2), scale: new Float64Array(3) },
    { name: 'bias', matrix: rowMajor(new Float64Array(3), 'f64', 3, 1), scale: null },
  ],
  count: 2,
  width: 3,
  index: Int32Array.of(0, 2),
}

/** The good rows with another first block. */
function withBlock(change: object): Rows {
  return { ...good, blocks: [{ ...good.blocks[0], ...change }, good.blocks[1]] }
}

/** The good rows with another matrix in the first block. */
function withMatrix(change: object): Rows {
  return withBlock({ matrix: { ...good.blocks[0].matrix, ...change } })
}

function detached(): Float32Array {
  const data = new Float32Array(6)
  structuredClone(data.buffer, { transfer: [data.buffer] })
  return data
}

const bad: [string, Rows, RegExp][] = [
  ['null', null as never, /Expected feature rows for `a`/],
  ['no blocks', { ...good, blocks: [] }, /`a.blocks`/],
  ['a block that is none', { ...good, blocks: [null as never] }, /`a.blocks\[0\]`/],
  ['a width that is not that of the blocks', { ...good, width: 2 }, /Expected 3, .*`a.width`, got 2/],
  ['another number of rows', { ...good, count: 3 }, /Expected 2 for `a.count`/],
  ['an index of another type', { ...good, index: [0, 2] as never }, /Int32Array or null for `a.index`/],
  ['an index past the end', { ...good, index: Int32Array.of(0, 3) }, /below 3 for `a.index\[1\]`, got 3/],
  ['an index below 0', { ...good, index: Int32Array.of(-1, 2) }, /`a.index\[0\]`, got -1/],
  ['a scale of another type', withBlock({ scale: [1, 1, 1] }), /Float64Array or null for `a.blocks\[0\].scale`/],
  ['an f32 scale', withBlock({ scale: new Float32Array(3) }), /`a.blocks\[0\].scale`, got Float32Array/],
  ['a short scale', withBlock({ scale: new Float64Array(2) }), /3 elements for `a.blocks\[0\].scale`/],
  ['no matrix', withBlock({ matrix: undefined }), /`a.blocks\[0\].matrix`/],
  ['an unknown dtype', withMatrix({ dtype: 'f8' }), /'f16' or .* `a.blocks\[0\].matrix.dtype`/],
  ['a dtype other than that of the array', withMatrix({ dtype: 'f64' }), /a Float64Array for f64 .*got Float32Array/],
  ['memory that is gone', withMatrix({ data: detached() }), /transferred away/],
  ['a negative stride', withMatrix({ rowStride: -2, offset: 4 }), /`a.blocks\[0\].matrix.rowStride`, got -2/],
  ['a stride that is a fraction', withMatrix({ columnStride: 0.5 }), /columnStride`, got 0.5/],
  ['a stride past the end', withMatrix({ rowStride: 3 }), /at least 8 elements .*matrix.data`/],
  ['an offset past the end', withMatrix({ offset: 1 }), /at least 7 elements/],
  ['a negative offset', withMatrix({ offset: -1 }), /matrix.offset`, got -1/],
  ['blocks of different heights', withMatrix({ rows: 2 }), /scale`|`a.blocks\[1\].matrix.rows`/],
]

describe('checkRowPair', () => {
  it('takes rows that agree', () => {
    checkRowPair('', good, good)
    checkRowPair('', { ...good, index: null, count: 3 }, good)
  })

  it.each(bad)('refuses %s', (_, rows, message) => {
    expect(() => checkRowPair('', rows, good)).toThrow(message)
    expect(() => checkRowPair('', rows, good)).toThrow(expect.objectContaining({ code: expect.stringMatching(/./) }))
  })
})

it.each(availableBackends)('no malformed rows reach the %s backend', async (backend) => {
  for (const [, rows] of bad) {
    await expect(solveAssignment({ a: good, b: rows }, { backend })).rejects.toThrow(/costs\.b|transferred/)
    await expect(costMatrix(good, rows, { backend })).rejects.toThrow(/`b|transferred/)
    expect(() => solveAssignmentSync({ a: good, b: rows }, { backend })).toThrow(/costs\.b|transferred/)
  }
})
