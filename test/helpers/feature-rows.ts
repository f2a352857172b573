import type { Rows } from '../../src/sae/rows.js'
import { rowMajor, transpose } from '../../src/tensor/matrix.js'
import { mulberry32 } from './random.js'

/** Rows of two blocks: f32 stored transposed with a scale, f16 patterns without; some rows all zero. */
export function makeRows(count: number, seed: number): Rows {
  const random = mulberry32(seed)
  const zero = Array.from({ length: count }, () => random() < 0.3)
  const first = Float32Array.from({ length: 19 * count }, (_, e) => (zero[e % count] ? 0 : random() - 0.5))
  const second = Uint16Array.from({ length: count * 7 }, (_, e) =>
    zero[Math.floor(e / 7)] ? 0 : 0x3000 + Math.floor(random() * 0x800),
  )
  const scale = Float64Array.from({ length: count }, () => 0.2 + random())
  return {
    blocks: [
      { name: 'decoder', matrix: transpose(rowMajor(first, 'f32', 19, count)), scale },
      { name: 'encoder', matrix: rowMajor(second, 'f16', count, 7), scale: null },
    ],
    count,
    width: 26,
    index: null,
  }
}

/** Every pair of n and m rows, row after row. */
export const allPairs = (n: number, m: number): [Int32Array, Int32Array] => [
  Int32Array.from({ length: n * m }, (_, e) => Math.floor(e / m)),
  Int32Array.from({ length: n * m }, (_, e) => e % m),
]
