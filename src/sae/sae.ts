import { wrongType, wrongValue } from '../errors.js'
import type { InputNorm, SaeSource, Site } from '../formats/checkpoint.js'
import type { Matrix } from '../tensor/matrix.js'

export type { InputNorm, SaeSource, Site }

/** What turns a pre-activation z into a feature's activation f. */
export type Activation =
  | { readonly kind: 'jumprelu' }
  | { readonly kind: 'relu' }
  | { readonly kind: 'topk'; readonly k: number }
  /** Of each of k runs of n / k features, the largest is kept. */
  | { readonly kind: 'groupmax'; readonly k: number }
  | { readonly kind: 'gated' }

/** What folding had to leave as it was. */
export interface Folded {
  /** Features that kept their threshold because it cannot be folded, ascending. Folding again leaves them too. */
  readonly unfoldable: Int32Array
  /** The median of the thresholds that were folded. */
  readonly median: number
}

/**
 * A sparse autoencoder in canonical form: rows are features in both matrices, and everything the original code does
 * at run time (subtracting the decoder bias from the input, scaling activations, gating by decoder norms) is
 * absorbed into these arrays, so that
 *
 *     z = encoder x + encoderBias      f_i = z_i if z_i > max(threshold_i, 0) else 0      x^ = decoderBias + f decoder
 *
 * (ReLU where `threshold` is null; TopK keeps the k largest, GroupMax the largest of each of k groups). Tensors stay in their stored dtype and orientation.
 * The value of row i of `encoder` is `encoderScale[i] * stored`, likewise for `decoder`; a null scale means 1.
 */
export interface Sae {
  /** [n, d], times `encoderScale`. */
  readonly encoder: Matrix
  /** [n], or null for 1. */
  readonly encoderScale: Float64Array | null
  /** [n, d], times `decoderScale`; a transcoder's may have another width than its encoder. */
  readonly decoder: Matrix
  /** [n], or null for 1. */
  readonly decoderScale: Float64Array | null
  /** [n]; the original subtraction of the decoder bias at the input is already in it. */
  readonly encoderBias: Float64Array
  /** [n], or null where the activation has none. */
  readonly threshold: Float64Array | null
  /** Set by `foldSae`: in such an SAE every threshold that can be folded is 1. */
  readonly folded?: Folded | null
  /** [width of the decoder] */
  readonly decoderBias: Float64Array
  readonly activation: Activation
  /** Per-token normalisation of the input that cannot be absorbed. */
  readonly inputNorm: InputNorm
  /** Why only decoders can be compared (a crosscoder reads several layers); null or absent where all can. */
  readonly decoderOnly?: string | null
  /** Whether the original adds a linear map of its input to x^, which is left out here. */
  readonly skipConnection?: boolean
  /** The name the checkpoint gives its architecture. */
  readonly architecture: string
  /** The hook point as the checkpoint spells it, or null. */
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  /** Where the decoder writes, where that is not the site. */
  readonly outputSite?: Site | undefined
  readonly model: string | null
  /** Mean number of active features per token, where the checkpoint states it. */
  readonly averageL0?: number | null
  readonly source: SaeSource
  /** What a user should know about this checkpoint, one sentence each; whoever shows them says which one it is. */
  readonly warnings: readonly string[]
}

/** Number of features n. */
export function featureCount(sae: Sae): number {
  return sae.encoder.rows
}

/**
 * Refuses what is no SAE in canonical form, and one whose sizes contradict each other.
 * @param name of the argument, for messages
 * @throws TypeError, RangeError `INVALID_ARGUMENT`
 */
export function requireSae(name: string, value: unknown): void {
  const sae = value as Partial<Sae> | null | undefined
  const isMatrix = (matrix: Partial<Matrix> | undefined) =>
    ArrayBuffer.isView(matrix?.data) && Number.isInteger(matrix.rows) && Number.isInteger(matrix.columns)
  const isSae =
    isMatrix(sae?.encoder) &&
    isMatrix(sae?.decoder) &&
    sae?.encoderBias instanceof Float64Array &&
    typeof sae.source?.path === 'string' &&
    Array.isArray(sae.warnings)
  if (!isSae) throw wrongType(name, 'a sparse autoencoder as loadSae gives it', value)
  const { encoder, decoder, encoderBias, threshold, encoderScale, decoderScale } = sae as Sae
  const n = encoder.rows
  if (decoder.rows !== n) {
    throw wrongValue(`${name}.decoder`, `${n} rows like the encoder`, `[${decoder.rows}, ${decoder.columns}]`)
  }
  for (const [field, numbers] of Object.entries({ encoderBias, threshold, encoderScale, decoderScale })) {
    const fits = numbers === null || (numbers instanceof Float64Array && numbers.length === n)
    if (!fits) throw wrongValue(`${name}.${field}`, `${n} numbers in a Float64Array`, numbers)
  }
}
