import { SaeMatchError } from '../errors.js'
import { sharedFloat64 } from '../tensor/tensor.js'
import { type Folded, requireSae, type Sae } from './sae.js'

/** A threshold below this share of the median is noise, and dividing by it would drown every other feature. */
const leastShareOfMedian = 1e-3

/** What to divide encoders by and multiply decoders with. */
export interface FoldingFactors {
  /** [n] the threshold, 1 for the unfoldable. */
  readonly factor: Float64Array
  /** Features whose threshold is not finite, not positive or below 1e-3 of the median; ascending. */
  readonly unfoldable: Int32Array
  /** The median of the positive finite thresholds; NaN without any. */
  readonly median: number
}

/**
 * Decides which thresholds can be folded. See docs/method.md#folding.
 * @param folded what an earlier folding left: beside thresholds of 1 the ones it left could look foldable.
 */
export function foldingFactors(threshold: ArrayLike<number>, folded: Folded | null = null): FoldingFactors {
  const n = threshold.length
  const left = new Set(folded?.unfoldable)
  const usable = (theta: number, i: number) =>
    theta > 0 && Number.isFinite(theta) && Number.isFinite(1 / theta) && !left.has(i)
  const median = medianOf(Float64Array.from(threshold).filter(usable))
  const factor = sharedFloat64(n).fill(1)
  const unfoldable: number[] = []
  for (let i = 0; i < n; i++) {
    if (usable(threshold[i], i) && threshold[i] >= leastShareOfMedian * median) factor[i] = threshold[i]
    else unfoldable.push(i)
  }
  return { factor, unfoldable: Int32Array.from(unfoldable), median: folded?.median ?? median }
}

/**
 * Folds thresholds into weights, so that every foldable feature fires at 1 and the reconstruction stays the same:
 * `encoder /= theta, encoderBias /= theta, decoder *= theta`. Unfoldable features keep theirs. See
 * docs/method.md#folding. Folded weights do not depend on the gauge: scaling a feature's encoder, bias and threshold by
 * c > 0 and its decoder by 1 / c changes nothing. Folding a folded SAE changes nothing either.
 *
 * @param sae stays as it is; the folded one shares its big tensors
 * @returns the folded SAE, and the features whose threshold is not finite, not positive or below 1e-3 of the median,
 *   ascending
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `THRESHOLD_MISSING` where the activation has none
 *   (ReLU, TopK)
 */
export function foldSae(sae: Sae): { readonly sae: Sae; readonly unfoldable: Int32Array } {
  requireSae('sae', sae)
  const threshold = requireThreshold(sae)
  const { factor, unfoldable, median } = foldingFactors(threshold, sae.folded)
  const foldedThreshold = sharedFloat64(threshold.length).fill(1)
  for (const i of unfoldable) foldedThreshold[i] = threshold[i]
  const folded: Sae = {
    ...sae,
    encoderScale: combine(factor, sae.encoderScale, (theta, scale) => scale / theta),
    decoderScale: combine(factor, sae.decoderScale, (theta, scale) => scale * theta),
    encoderBias: combine(factor, sae.encoderBias, (theta, bias) => bias / theta),
    threshold: foldedThreshold,
    folded: { unfoldable, median },
  }
  return { sae: folded, unfoldable }
}

/** The thresholds of an SAE. @throws `THRESHOLD_MISSING` */
export function requireThreshold({ threshold, activation, source }: Sae): Float64Array {
  if (threshold !== null) return threshold
  throw new SaeMatchError('THRESHOLD_MISSING', `${source.path}: a ${activation.kind} SAE has no thresholds to fold`, {
    hint: "Use the scale 'unit', 'none' or a statistic of every feature.",
  })
}

function combine(
  factor: Float64Array,
  values: Float64Array | null,
  operation: (factor: number, value: number) => number,
): Float64Array {
  const result = sharedFloat64(factor.length)
  for (let i = 0; i < factor.length; i++) result[i] = operation(factor[i], values?.[i] ?? 1)
  return result
}

/** NaN for no values; the mean of the middle two for an even number. Sorts `values`. */
function medianOf(values: Float64Array): number {
  values.sort()
  const middle = values.length >> 1
  if (values.length === 0) return Number.NaN
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
}
