import { SaeMatchError } from '../errors.js'
import type { Container } from '../formats/container.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import { allocateTensor, elementReader, type Tensor } from '../tensor/tensor.js'
import { largestSize } from '../validate.js'

/** Whether scipy.sparse.save_npz wrote the archive. */
export function isSparseFile({ tensors }: Container): boolean {
  return tensors.has('format') && tensors.has('shape') && tensors.has('data')
}

/**
 * Reads a matrix that scipy.sparse.save_npz wrote as compressed sparse rows. Costs of f32 and f64 are taken as they lie
 * there, anything else is widened to f64.
 * @throws `FORMAT_INVALID` for another format or parts that do not fit together, `TENSOR_MISSING`, `OUT_OF_MEMORY`
 */
export async function readSparse(npz: Container): Promise<SparseMatrix> {
  const { path } = npz.file
  const format = Buffer.from(((await npz.read('format')).data as Uint8Array).slice()).toString('latin1')
  if (format !== 'csr') {
    throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a sparse matrix of format csr, found ${format}`, {
      hint: 'Convert it first: scipy.sparse.save_npz(path, matrix.tocsr()).',
    })
  }
  const [rows, columns] = integersOf(npz, 'shape', await readVector(npz, 'shape', 2), 2, largestSize)
  const indptr = integersOf(npz, 'indptr', await readVector(npz, 'indptr', rows + 1), rows + 1)
  const entries = indptr[rows]
  const indices = await readVector(npz, 'indices', entries)
  const data = costsOf(path, await readVector(npz, 'data', entries))
  // What lies behind the entries is room that scipy left.
  return {
    indptr,
    indices:
      indices.data instanceof Int32Array
        ? indices.data.subarray(0, entries)
        : Int32Array.from(integersOf(npz, 'indices', indices, entries, largestSize)),
    data: data.subarray(0, entries),
    rows,
    columns,
  }
}

/** A one-dimensional array with at least so many elements. */
async function readVector(npz: Container, name: string, length: number): Promise<Tensor> {
  const tensor = await npz.read(name)
  if (tensor.shape.length !== 1 || tensor.data.length < length) {
    const found = `an array of shape (${tensor.shape.join(', ')})`
    throw new SaeMatchError(
      'FORMAT_INVALID',
      `${npz.file.path}: expected ${length} elements of ${name}, found ${found}`,
    )
  }
  return tensor
}

/** The first `length` elements, which must be integers from 0 to `most`. */
function integersOf(
  npz: Container,
  name: string,
  { data, dtype }: Tensor,
  length: number,
  most: number = Number.MAX_SAFE_INTEGER,
): Float64Array {
  const valueAt = elementReader(data, dtype)
  const integers = new Float64Array(length)
  for (let at = 0; at < length; at++) {
    const value = valueAt(at)
    if (!Number.isSafeInteger(value) || value < 0 || value > most) {
      const expected = `an integer from 0 to ${most} at ${name}[${at}]`
      throw new SaeMatchError('FORMAT_INVALID', `${npz.file.path}: expected ${expected}, found ${value}`)
    }
    integers[at] = value
  }
  return integers
}

function costsOf(path: string, { data, dtype, shape }: Tensor): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return data
  const wide = allocateTensor('f64', shape, false, `${path}: data in f64`).data as Float64Array
  const valueAt = elementReader(data, dtype)
  for (let at = 0; at < wide.length; at++) wide[at] = valueAt(at)
  return wide
}
