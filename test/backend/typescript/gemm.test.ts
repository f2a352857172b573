import { expect, it } from 'vitest'
import { multiplyRows } from '../../../src/backend/typescript/gemm.js'
import { mulberry32 } from '../../helpers/random.js'

// Ragged against panels of 3 rows and 384 terms.
it.each([
  [1, 1, 1],
  [2, 5, 7],
  [3, 3, 384],
  [7, 10, 385],
  [48, 20, 800],
])('multiplies %d rows by %d rows of width %d', (count, others, width) => {
  const random = mulberry32(count)
  const a = Float64Array.from({ length: (count + 2) * width }, () => Math.floor(random() * 64) - 32)
  const b = Float64Array.from({ length: others * width }, () => Math.floor(random() * 64) - 32)
  const rows = Array.from({ length: count }, (_, r) => count + 1 - r)
  const out = new Float64Array(count * others).fill(Number.NaN)
  multiplyRows(a, rows, b, others, width, out)
  for (let r = 0; r < count; r++) {
    for (let j = 0; j < others; j++) {
      let sum = 0
      for (let k = 0; k < width; k++) sum += a[rows[r] * width + k] * b[j * width + k]
      expect(out[r * others + j]).toBe(sum)
    }
  }
})
