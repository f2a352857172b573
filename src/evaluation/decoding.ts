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
  const ofTarget: Terms = { rows: [], factors: [] }
  const ofOwn: Terms = { rows: [], factors: [] }
  for (let e = indptr[t]; e < indptr[t + 1]; e++) {
    const i = indices[e]
    const j = route.target[i]
    if (j >= 0) addTerm(ofTarget, target, j, data[e] * (route.gain?.[i] ?? 1))
    else if (route.own?.[i] === 1) addTerm(ofOwn, own, i, data[e])
  }
  addRows(out, target, ofTarget)
  addRows(out, own, ofOwn)
  if (statistics === null) return
  const [mean, deviation] = [statistics.mean[t], statistics.deviation[t]]
  for (let k = 0; k < out.length; k++) out[k] = out[k] * deviation + mean
}

/** Rows of a decoder and what they are multiplied with. */
interface Terms {
  readonly rows: number[]
  readonly factors: number[]
}

function addTerm({ rows, factors }: Terms, { scale }: Decoder, row: number, activation: number): void {
  rows.push(row)
  factors.push(activation * (scale?.[row] ?? 1))
}

/** Four rows at a time, in their order: a number of `out` is loaded and stored once for four products. */
function addRows(out: Float64Array, { rows: values }: Decoder, { rows, factors }: Terms): void {
  const d = out.length
  let r = 0
  for (; r + 4 <= rows.length; r += 4) {
    const [f0, f1, f2, f3] = [factors[r], factors[r + 1], factors[r + 2], factors[r + 3]]
    const [at0, at1, at2, at3] = [rows[r] * d, rows[r + 1] * d, rows[r + 2] * d, rows[r + 3] * d]
    for (let k = 0; k < d; k++) {
      const sum = out[k] + f0 * values[at0 + k] + f1 * values[at1 + k] + f2 * values[at2 + k]
      out[k] = sum + f3 * values[at3 + k]
    }
  }
  for (; r < rows.length; r++) {
    const [factor, at] = [factors[r], rows[r] * d]
    for (let k = 0; k < d; k++) out[k] += factor * values[at + k]
  }
}
