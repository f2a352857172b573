import type { Matrix } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import type { RowMath } from '../../src/tensor/row-math.js'

/** Sums in the order every backend keeps: eight lanes, lane l takes the terms of k = l (mod 8). */
export function sumInLanes(terms: Float64Array): number {
  const s = new Float64Array(8)
  terms.forEach((term, k) => {
    s[k % 8] += term
  })
  return s[0] + s[4] + (s[2] + s[6]) + (s[1] + s[5] + (s[3] + s[7]))
}

function overRows(matrix: Matrix, term: (value: number, k: number) => number): Promise<Float64Array> {
  return Promise.resolve(Float64Array.from({ length: matrix.rows }, (_, i) => sumInLanes(readRow(matrix, i).map(term))))
}

/** The definition of {@link RowMath}, written for reading and not for speed. */
export const referenceRowMath: RowMath = {
  squaredRowNorms: (matrix) => overRows(matrix, (value) => value * value),
  rowDots: (matrix, vector) => overRows(matrix, (value, k) => value * vector[k]),
}
