import type { Matrix } from '../tensor/matrix.js'
import type { RowMath } from '../tensor/row-math.js'

const known = new WeakMap<Matrix, Promise<Float64Array>>()

/**
 * The squared norms of a stored matrix's rows, computed once for each matrix: they tell whether it is finite, which
 * rows are zero, and scale rows to unit norm. Every backend gives the same bits, so any may have computed them.
 */
export function squaredRowNorms(matrix: Matrix, math: RowMath): Promise<Float64Array> {
  let norms = known.get(matrix)
  if (norms === undefined) {
    norms = math.squaredRowNorms(matrix)
    known.set(matrix, norms)
    norms.catch(() => known.delete(matrix))
  }
  return norms
}
