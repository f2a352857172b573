import { SaeMatchError, wrongType, wrongValue } from '../errors.js'
import { contiguousRows } from '../tensor/contiguous.js'
import type { Matrix } from '../tensor/matrix.js'
import type { RowMath } from '../tensor/row-math.js'
import { allocateTensor, matrixOf } from '../tensor/tensor.js'
import type { Sae } from './sae.js'

/** R, [d, d] row-major: hidden states of one SAE, as rows, go over into the space of another as `x R`. */
export type Alignment = Float32Array | Float64Array

/** A pivot below this share of the largest number of R is none. */
const leastPivot = 1e-12

/**
 * The same SAE in the space that R leads to: `dec R` and `enc R^-T` (docs/method.md#alignment). It gives for `x R` the
 * activations that the original gives for x, and reconstructions times R. The moved tensors are copies, in f32, or in f64 where
 * they are stored so.
 *
 * @throws TypeError, RangeError `INVALID_ARGUMENT` for what is no invertible matrix of finite numbers, or makes a weight
 *   infinite; SaeMatchError `NOT_COMPARABLE` for an SAE of another width; the reason of `signal`
 */
export async function alignSae(
  sae: Sae,
  alignment: Alignment,
  math: RowMath,
  signal?: AbortSignal | undefined,
): Promise<Sae> {
  const d = requireAlignment(alignment)
  const { encoder, decoder, decoderBias, source } = sae
  for (const { columns } of [encoder, decoder]) {
    if (columns === d) continue
    const message = `${source.path}: expected activations of width ${d} as the alignment has, found ${columns}`
    throw new SaeMatchError('NOT_COMPARABLE', message)
  }
  const inverse = invertMatrix(alignment, d)
  const column = (k: number) => Float64Array.from({ length: d }, (_, l) => alignment[l * d + k])
  return {
    ...sae,
    decoder: await productWith(decoder, column, math, signal),
    encoder: await productWith(encoder, (k) => inverse.slice(k * d, (k + 1) * d), math, signal),
    decoderBias: Float64Array.from(decoderBias, (_, k) =>
      column(k).reduce((sum, value, l) => sum + value * decoderBias[l], 0),
    ),
  }
}

/** The width d of an alignment [d, d]. @throws `INVALID_ARGUMENT` */
export function requireAlignment(alignment: unknown): number {
  if (!(alignment instanceof Float32Array || alignment instanceof Float64Array)) {
    throw wrongType('alignment', 'a Float32Array or Float64Array', alignment)
  }
  const d = Math.sqrt(alignment.length)
  if (!Number.isInteger(d) || d === 0) throw wrongValue('alignment', 'd x d numbers', alignment)
  const wrong = alignment.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0) throw wrongValue(`alignment[${wrong}]`, 'a finite number', alignment[wrong])
  return d
}

/**
 * `[<matrix_i, vector(k)>]`, one column after the other: the sums of a row are the backend's, in f64.
 * @throws `INVALID_ARGUMENT` for a product beyond the type it is stored in
 */
async function productWith(
  matrix: Matrix,
  vector: (k: number) => Float64Array,
  math: RowMath,
  signal: AbortSignal | undefined,
): Promise<Matrix> {
  const { rows, columns, dtype } = matrix
  const stored = contiguousRows(matrix)
  const moved = allocateTensor(dtype === 'f64' ? 'f64' : 'f32', [rows, columns], false, 'An aligned SAE')
  for (let k = 0; k < columns; k++) {
    signal?.throwIfAborted()
    const products = await math.rowDots(stored, vector(k))
    for (let i = 0; i < rows; i++) {
      const at = i * columns + k
      moved.data[at] = products[i]
      if (!Number.isFinite(moved.data[at])) {
        throw wrongValue('alignment', `a matrix that keeps weights within ${moved.dtype}`, `${products[i]}`)
      }
    }
  }
  return matrixOf(moved)
}

/** R^-1 by elimination with row pivots, in f64. @throws `INVALID_ARGUMENT` for a singular matrix */
function invertMatrix(alignment: Alignment, d: number): Float64Array {
  const left = Float64Array.from(alignment)
  const right = new Float64Array(d * d)
  for (let k = 0; k < d; k++) right[k * d + k] = 1
  const largest = left.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (let k = 0; k < d; k++) {
    let pivot = k
    for (let l = k + 1; l < d; l++) if (Math.abs(left[l * d + k]) > Math.abs(left[pivot * d + k])) pivot = l
    if (!(Math.abs(left[pivot * d + k]) > leastPivot * largest)) {
      throw wrongValue('alignment', 'an invertible matrix', alignment)
    }
    for (const side of [left, right]) {
      exchangeRows(side, pivot, k, d)
      const [factor, from] = [1 / left[k * d + k], side === left ? k + 1 : 0]
      for (let c = from; c < d; c++) side[k * d + c] *= factor
    }
    for (let l = 0; l < d; l++) {
      const factor = left[l * d + k]
      if (l === k || factor === 0) continue
      for (let c = k + 1; c < d; c++) left[l * d + c] -= factor * left[k * d + c]
      for (let c = 0; c < d; c++) right[l * d + c] -= factor * right[k * d + c]
    }
  }
  return right
}

function exchangeRows(matrix: Float64Array, i: number, j: number, d: number): void {
  if (i === j) return
  const row = matrix.slice(i * d, (i + 1) * d)
  matrix.copyWithin(i * d, j * d, (j + 1) * d)
  matrix.set(row, j * d)
}
