import type { SparseMatrix } from '../../src/tensor/sparse-matrix.js'
import type { MatrixProblem } from './problems.js'

/** A matrix as lists of its allowed pairs, in random order; of forbidden ones every third is listed all the same. */
export function toSparse({ costs, rows, columns, maximize }: MatrixProblem, random: () => number): SparseMatrix {
  const forbidden = maximize ? -Infinity : Infinity
  const indptr = new (random() < 0.5 ? Int32Array : Float64Array)(rows + 1)
  const indices: number[] = []
  const data: number[] = []
  for (let i = 0; i < rows; i++) {
    const row = Array.from({ length: columns }, (_, j) => j).filter(
      (j) => costs[i * columns + j] !== forbidden || random() < 1 / 3,
    )
    if (random() < 0.5) shuffle(row, random)
    for (const j of row) {
      indices.push(j)
      data.push(costs[i * columns + j])
    }
    indptr[i + 1] = indices.length
  }
  const Numbers = costs.constructor as Float64ArrayConstructor
  return { indptr, indices: Int32Array.from(indices), data: Numbers.from(data), rows, columns }
}

/** Lists of `size` columns a row; where `feasible`, among them one of a hidden permutation. */
export function randomLists(
  rows: number,
  columns: number,
  size: number,
  random: () => number,
  feasible = true,
): SparseMatrix {
  const hidden = Array.from({ length: Math.max(rows, columns) }, (_, j) => j)
  shuffle(hidden, random)
  const indptr = Int32Array.from({ length: rows + 1 }, (_, i) => i * size)
  const indices = new Int32Array(rows * size)
  for (let i = 0; i < rows; i++) {
    const row = new Set(feasible && hidden[i] < columns ? [hidden[i]] : [])
    while (row.size < size) row.add(Math.floor(random() * columns))
    indices.set([...row], i * size)
  }
  return { indptr, indices, data: Float64Array.from({ length: rows * size }, random), rows, columns }
}

function shuffle(values: number[], random: () => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[values[i], values[j]] = [values[j], values[i]]
  }
}
