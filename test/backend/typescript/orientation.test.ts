import { expect, it } from 'vitest'
import { orient } from '../../../src/backend/typescript/orientation.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'

it.each([
  [3, 5, false],
  [3, 5, true],
  [130, 70, false],
  [130, 70, true],
])('%d x %d, maximize %s: fewer rows than columns, to be minimised', (rows, columns, maximize) => {
  for (const Type of [Float32Array, Float64Array]) {
    const data = new Type(rows * columns).map((_, e) => (e % 7 === 0 ? (maximize ? -Infinity : Infinity) : e))
    const oriented = runAtOnce(orient({ kind: 'matrix', data, rows, columns, rowStride: columns }, maximize))
    expect([oriented.rows, oriented.columns]).toEqual([Math.min(rows, columns), Math.max(rows, columns)])
    expect(oriented.data).toBeInstanceOf(Type)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const at = rows > columns ? j * rows + i : i * columns + j
        expect(oriented.data[at]).toBe(maximize ? -data[i * columns + j] : data[i * columns + j])
      }
    }
    if (rows <= columns && !maximize) expect(oriented.data).toBe(data)
  }
})
