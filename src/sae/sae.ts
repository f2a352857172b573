import type { InputNorm, SaeSource, Site } from '../formats/checkpoint.js'
import type { Matrix } from '../tensor/matrix.js'

export type { InputNorm, SaeSource, Site }

/** What turns a pre-activation z into a feature's activation f. */
export type Activation =
  | { readonly kind: 'jumprelu' }
  | { readonly kind: 'relu' }
  | { readonly kind: 'topk'; readonly k: number }
  | { readonly kind: 'gated' }

/**
 * A sparse autoencoder in canonical form: rows are features in both matrices, and everything the original code does
 * at run time (subtracting the decoder bias from the input, scaling activations, gating by decoder norms) is
 * absorbed into these arrays, so that
 *
 *     z = encoder x + encoderBias      f_i = z_i if z_i > max(threshold_i, 0) else 0      x^ = decoderBias + f decoder
 *
 * (ReLU where `threshold` is null; TopK keeps the k largest). Tensors stay in their stored dtype and orientation.
 * The value of row i of `encoder` is `encoderScale[i] * stored`, likewise for `decoder`; a null scale means 1.
 */
export interface Sae {
  /** [n, d], times `encoderScale`. */
  readonly encoder: Matrix
  /** [n], or null for 1. */
  readonly encoderScale: Float64Array | null
  /** [n, d], times `decoderScale`. */
  readonly decoder: Matrix
  /** [n], or null for 1. */
  readonly decoderScale: Float64Array | null
  /** [n]; the original subtraction of the decoder bias at the input is already in it. */
  readonly encoderBias: Float64Array
  /** [n], or null where the activation has none. */
  readonly threshold: Float64Array | null
  /** [d] */
  readonly decoderBias: Float64Array
  readonly activation: Activation
  /** Per-token normalisation of the input that cannot be absorbed. */
  readonly inputNorm: InputNorm
  /** The name the checkpoint gives its architecture. */
  readonly architecture: string
  /** The hook point as the checkpoint spells it, or null. */
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  readonly model: string | null
  /** Mean number of active features per token, where the checkpoint states it. */
  readonly averageL0?: number | null
  readonly source: SaeSource
  /** What a user should know about this checkpoint, one sentence each. */
  readonly warnings: readonly string[]
}

/** Number of features n. */
export function featureCount(sae: Sae): number {
  return sae.encoder.rows
}
