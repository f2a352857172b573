import type { Sae } from '../sae/sae.js'
import { widenedRows } from '../tensor/contiguous.js'
import type { FeatureActivations } from './encode.js'
import type { TokenStatistics } from './token-norm.js'

/** The decoder of an SAE, ready to be added up. */
export interface Decoder {
  /** [n, d] row-major, without row scales. */
  readonly rows: Float32Array | Float64Array
  /** [n], or null for 1. */
  readonly scale: Float64Array | null
  /** [d] */
  readonly bias: Float64Array
}

/**
 * Where the activations of SAE A's features go: `f_i gain_i dec_target[i]` of the target's decoder, or `f_i dec_i` of
 * A's own, or nowhere.
 */
export interface Route {
  /** [n] row of the target's decoder, -1 for none. */
  readonly target: Int32Array
  /** [n] factor on what goes to the target's decoder; null for 1. */
  readonly gain: Float64Array | null
  /** [n] 1 for a feature without target that keeps its own decoder; null for none. */
  readonly own: Uint8Array | null
}

/** Makes the decoder of an SAE ready. */
export function createDecoder({ decoder, decoderScale, decoderBias }: Sae): Decoder {
  return { rows: widenedRows(decoder), scale: decoderScale, bias: decoderBias }
}

/** Every feature through the decoder that stands at its own place: plain decoding. */
export function straight(n: number): Route {
  return { target: Int32Array.from({ length: n }, (_, i) => i), gain: null, own: null }
}

/**
 * Decodes one token by scattering what is active (docs/method.md#encode-permute-decode): no permuted copy of the
 * activations exists, and only active features cost anything.
 *
 * @param t row of `activations`
 * @param own the decoder of the SAE that encoded; `target` the other one, whose bias counts
 * @param statistics what normalising the input took away
 * @param out [d] the reconstruction
 */
export function decodeToken(
  { indptr, indices, data }: FeatureActivations,
  t: number,
  route: Route,
  own: Decoder,
  target: Decoder,
  statistics: TokenStatistics | null,
  out: Float64Array,
): void {
  out.set(target.bias)
  for (let e = indptr[t]; e < indptr[t + 1]; e++) {
    const i = indices[e]
    const j = route.target[i]
    if (j >= 0) addRow(out, target, j, data[e] * (route.gain?.[i] ?? 1))
    else if (route.own?.[i] === 1) addRow(out, own, i, data[e])
  }
  if (statistics === null) return
  const [mean, deviation] = [statistics.mean[t], statistics.deviation[t]]
  for (let k = 0; k < out.length; k++) out[k] = out[k] * deviation + mean
}

function addRow(out: Float64Array, { rows, scale }: Decoder, row: number, activation: number): void {
  const factor = activation * (scale?.[row] ?? 1)
  for (let k = 0, at = row * out.length; k < out.length; k++, at++) out[k] += factor * rows[at]
}
