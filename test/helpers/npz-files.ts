import { encodeNpz } from '../../src/output/npz.js'
import { mulberry32 } from './random.js'
import { normals } from './synthetic-sae.js'

/** A small Gemma Scope checkpoint, as the bytes of its `params.npz`. */
export function gemmaScopeFile(seed: number, n = 6, d = 3): Buffer {
  const random = mulberry32(seed)
  const floats = (count: number) => Float32Array.from(normals(random, count))
  return Buffer.from(
    encodeNpz({
      W_enc: { data: floats(d * n), shape: [d, n] },
      W_dec: { data: floats(n * d), shape: [n, d] },
      b_enc: floats(n),
      threshold: floats(n).map((value) => 1 + Math.abs(value)),
      b_dec: floats(d),
    }),
  )
}
