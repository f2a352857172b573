import { requireAttached } from '../backend/input-memory.js'
import { wrongType, wrongValue } from '../errors.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import { integer, largestSize } from '../validate.js'

/**
 * The parts of a sparse matrix fit together and every column exists. Whether a row has a column twice is left to the
 * backend, which sorts. `path` stands before `indptr` and the others in messages.
 * @throws TypeError, RangeError, `INPUT_DETACHED`
 */
export function checkSparse(path: string, { indptr, indices, data, rows, columns }: SparseMatrix): void {
  integer(`${path}rows`, rows, largestSize)
  integer(`${path}columns`, columns, largestSize)
  if (!(indptr instanceof Int32Array) && !(indptr instanceof Float64Array)) {
    throw wrongType(`${path}indptr`, 'an Int32Array or a Float64Array', indptr)
  }
  if (!(indices instanceof Int32Array)) throw wrongType(`${path}indices`, 'an Int32Array', indices)
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw wrongType(`${path}data`, 'a Float32Array or a Float64Array', data)
  }
  requireAttached(`${path}indptr`, indptr)
  requireAttached(`${path}indices`, indices)
  requireAttached(`${path}data`, data)
  if (indptr.length !== rows + 1) throw wrongValue(`${path}indptr`, `${rows + 1} elements`, indptr)
  let before = 0
  for (let i = 0; i <= rows; i++) {
    const start = indptr[i]
    if (i === 0 && start !== 0) throw wrongValue(`${path}indptr[0]`, '0', start)
    if (!Number.isSafeInteger(start) || start < before) {
      throw wrongValue(`${path}indptr[${i}]`, `an integer of at least ${before}`, start)
    }
    before = start
  }
  if (indices.length !== before) throw wrongValue(`${path}indices`, `${before} elements`, indices)
  if (data.length !== before) throw wrongValue(`${path}data`, `${before} elements`, data)
  for (let e = 0; e < indices.length; e++) {
    const column = indices[e]
    if (column < 0 || column >= columns) {
      throw wrongValue(`${path}indices[${e}]`, `a column from 0 to ${columns - 1}`, column)
    }
  }
}
