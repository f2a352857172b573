import type { InputNorm } from '../sae/sae.js'
import { type Matrix, rowMajor } from '../tensor/matrix.js'
import { readRow } from '../tensor/row.js'

/** What a normalisation of every token's activation took away, to be given back after decoding; [tokens] each. */
export interface TokenStatistics {
  readonly mean: Float64Array
  readonly deviation: Float64Array
}

/** Added to the deviation that divides. Source: SAELens, `run_time_activation_ln_in`. */
const epsilon = 1e-5

/**
 * Normalises activations token by token, as the SAE's own code does before it encodes
 * (docs/method.md#activations-of-features): `layer-norm` takes off the mean and divides by the deviation (that of a
 * sample, plus 1e-5), `constant-norm` brings every token to the norm `sqrt(d)`.
 *
 * @param x [tokens, d]
 * @returns the activations themselves and no statistics for `none`
 */
export function normaliseTokens(x: Matrix, norm: InputNorm): { x: Matrix; statistics: TokenStatistics | null } {
  if (norm === 'none') return { x, statistics: null }
  const { rows: tokens, columns: d } = x
  const mean = new Float64Array(tokens)
  const deviation = new Float64Array(tokens)
  const normalised = new Float64Array(new SharedArrayBuffer(tokens * d * Float64Array.BYTES_PER_ELEMENT))
  for (let t = 0; t < tokens; t++) {
    const row = readRow(x, t)
    if (norm === 'layer-norm') mean[t] = row.reduce((sum, value) => sum + value, 0) / d
    const square = row.reduce((sum, value) => sum + (value - mean[t]) ** 2, 0)
    deviation[t] = Math.sqrt(square / (norm === 'layer-norm' ? d - 1 : d))
    // a token of norm 0 stays what it is
    const divisor = norm === 'layer-norm' ? deviation[t] + epsilon : deviation[t] || 1
    normalised.set(
      row.map((value) => (value - mean[t]) / divisor),
      t * d,
    )
  }
  return { x: rowMajor(normalised, 'f64', tokens, d), statistics: { mean, deviation } }
}
