import { SaeMatchError } from '../errors.js'
import { readNpy } from '../formats/npy.js'
import { openNpz } from '../formats/npz.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import { allocateTensor, elementReader, type Tensor } from '../tensor/tensor.js'
import { isSparseFile, readSparse } from './sparse-file.js'

/** A cost matrix of `rows` x `columns`, as a file holds it. */
export interface CostFile {
  readonly data: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
  /** Whether the numbers lie column by column (Fortran order) and not row by row. */
  readonly byColumns: boolean
}

/**
 * Reads the costs of an `.npy` or an `.npz`, one that scipy.sparse.save_npz wrote included.
 *
 * @param array which array of an `.npz`; by default its only matrix
 * @throws `TENSOR_SHAPE` for anything but a matrix, `TENSOR_MISSING`, `OUT_OF_MEMORY`, `FORMAT_INVALID` for a sparse
 *   matrix in another format than csr, and what reading throws; the reason of `signal`
 */
export async function readCosts(path: string, array?: string, signal?: AbortSignal): Promise<CostFile | SparseMatrix> {
  if (!/\.npz$/i.test(path)) return matrixCosts(path, await readNpy(path, signal))
  const npz = await openNpz(path, signal)
  try {
    if (array === undefined && isSparseFile(npz)) return await readSparse(npz)
    const matrices = [...npz.tensors].filter(([, { shape }]) => shape.length === 2).map(([name]) => name)
    const name = array ?? matrices[0]
    if (array === undefined && matrices.length !== 1) {
      const found = matrices.length === 0 ? 'none' : matrices.join(', ')
      throw new SaeMatchError('TENSOR_MISSING', `${path}: expected one matrix, found ${found}`, {
        hint: 'Name the array with --array.',
      })
    }
    return matrixCosts(`${path}: ${name}`, await npz.read(name))
  } finally {
    await npz.close()
  }
}

/** f32 and f64 are taken as they lie there, anything else is widened to f64. @throws `TENSOR_SHAPE`, `OUT_OF_MEMORY` */
function matrixCosts(name: string, { data, dtype, shape, strides }: Tensor): CostFile {
  if (shape.length !== 2) {
    throw new SaeMatchError('TENSOR_SHAPE', `${name}: expected a matrix, found an array of shape (${shape.join(', ')})`)
  }
  const [rows, columns] = shape
  const byColumns = strides[1] !== 1
  if (data instanceof Float32Array || data instanceof Float64Array) return { data, rows, columns, byColumns }
  const wide = allocateTensor('f64', shape, byColumns, `${name} in f64`).data as Float64Array
  const valueAt = elementReader(data, dtype)
  for (let at = 0; at < wide.length; at++) wide[at] = valueAt(at)
  return { data: wide, rows, columns, byColumns }
}
