import type { Matrix } from './matrix.js'

/**
 * Arithmetic over the rows of big tensors. A backend provides it, so that canonicalising and scaling an SAE
 * costs no JavaScript loop where the addon is at hand. Sums are f64 in one order (see `sumInLanes`), hence the same
 * bits on every backend.
 */
export interface RowMath {
  /** `sum_k matrix[i, k]^2` for every row. */
  squaredRowNorms(matrix: Matrix): Promise<Float64Array>
  /** `sum_k matrix[i, k] * vector[k]` for every row. */
  rowDots(matrix: Matrix, vector: Float64Array): Promise<Float64Array>
}
