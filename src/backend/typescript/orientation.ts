import type { MatrixCosts } from '../backend.js'
import type { Steps } from './steps.js'

const tile = 64

/** A caller's matrix as the solvers want it: at most as many rows as columns, minimisation. */
export interface Oriented {
  readonly data: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
}

/** The matrix itself where its shape and sign are right, otherwise a transposed or negated copy of the same type. */
export function* orient({ data, rows, columns }: MatrixCosts, maximize: boolean): Steps<Oriented> {
  const transposed = rows > columns
  if (!transposed && !maximize) return { data, rows, columns }
  const copy = new (data.constructor as Float64ArrayConstructor)(data.length) as Float32Array | Float64Array
  const sign = maximize ? -1 : 1
  if (!transposed) {
    for (let i = 0; i < rows; i++) {
      for (let p = i * columns; p < (i + 1) * columns; p++) copy[p] = -data[p]
      if (i % tile === 0) yield
    }
    return { data: copy, rows, columns }
  }
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows)
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns)
      for (let j = left; j < right; j++) {
        for (let i = top; i < bottom; i++) copy[j * rows + i] = sign * data[i * columns + j]
      }
    }
    yield
  }
  return { data: copy, rows: columns, columns: rows }
}
