import type { Backend } from '../backend/backend.js'
import { wrongType, wrongValue } from '../errors.js'
import { foldingFactors, requireThreshold } from '../sae/fold.js'
import { featureRows, type Scale, weightPresets } from '../sae/rows.js'
import { featureCount, type Sae } from '../sae/sae.js'
import type { Route } from './decoding.js'

/** How strong an activation of A arrives at B: as it is, or times `threshold_B / threshold_A`. */
export type DecodingScale = 'raw' | 'folded'

/** What becomes of features of A without a partner: nothing, or what A's own decoder makes of them. */
export type UnmatchedFeatures = 'drop' | 'source'

/**
 * The route of a matching, one-to-one or not (docs/method.md#encode-permute-decode).
 *
 * @param aToB [n] feature of B for each feature of A, -1 where there is none
 * @throws `THRESHOLD_MISSING` for the scale `folded` of an SAE without thresholds
 */
export function matchedRoute(
  a: Sae,
  b: Sae,
  aToB: Int32Array,
  scale: DecodingScale,
  unmatched: UnmatchedFeatures,
): Route {
  return {
    target: aToB,
    gain: scale === 'folded' ? foldedGains(a, b, aToB) : null,
    own: unmatched === 'source' ? Uint8Array.from(aToB, (j) => (j < 0 ? 1 : 0)) : null,
  }
}

/**
 * The mixture of two decoders (docs/method.md#quantile-mix): the first `round(quantile * pairs)` features of `order` go
 * through B's decoder, all others, those without a partner included, through A's.
 */
export function quantileRoute(route: Route, order: Int32Array, quantile: number): Route {
  const target = new Int32Array(route.target.length).fill(-1)
  for (const i of order.subarray(0, Math.round(quantile * order.length))) target[i] = route.target[i]
  return { target, gain: route.gain, own: Uint8Array.from(target, (j) => (j < 0 ? 1 : 0)) }
}

/**
 * The matched features of A by ascending decoder distance to their partners, ties to the lower index: the order of
 * {@link quantileRoute}. Distances are folded where both SAEs have thresholds, and between unit decoders otherwise;
 * features that cannot be folded come last.
 */
export async function byDecoderDistance(a: Sae, b: Sae, aToB: Int32Array, backend: Backend): Promise<Int32Array> {
  const scale: Scale = a.threshold !== null && b.threshold !== null ? 'fold' : 'none'
  const rows = async (sae: Sae) =>
    featureRows(sae, { scale, weights: weightPresets.decoder, unfoldable: 'median' }, backend)
  const [aRows, bRows] = [await rows(a), await rows(b)]
  const matched = Int32Array.from(aToB.keys()).filter((i) => aToB[i] >= 0)
  const distances = await backend.pairCosts(
    aRows,
    bRows,
    matched,
    matched.map((i) => aToB[i]),
  )
  const [aLast, bLast] = [new Set(aRows.unfoldable), new Set(bRows.unfoldable)]
  const key = distances.map((distance, p) =>
    aLast.has(matched[p]) || bLast.has(aToB[matched[p]]) ? Number.POSITIVE_INFINITY : distance,
  )
  const order = Int32Array.from(matched.keys())
  order.sort((p, q) => (key[p] === key[q] ? p - q : key[p] - key[q]))
  return order.map((p) => matched[p])
}

/** Checks a matching against the sizes of both SAEs. @throws TypeError, RangeError `INVALID_ARGUMENT` */
export function requireMatching(name: string, aToB: unknown, a: Sae, b: Sae): asserts aToB is Int32Array {
  if (!(aToB instanceof Int32Array)) throw wrongType(name, 'an Int32Array', aToB)
  if (aToB.length !== featureCount(a)) throw wrongValue(name, `${featureCount(a)} elements`, aToB)
  const wrong = aToB.findIndex((j) => j < -1 || j >= featureCount(b))
  if (wrong >= 0) throw wrongValue(`${name}[${wrong}]`, `an index below ${featureCount(b)}, or -1`, aToB[wrong])
}

/** `threshold_B / threshold_A` of every pair; where a threshold cannot be folded the median of its SAE is taken. */
function foldedGains(a: Sae, b: Sae, aToB: Int32Array): Float64Array {
  const [aFactor, bFactor] = [foldable(a), foldable(b)]
  return Float64Array.from(aToB, (j, i) => (j < 0 ? 1 : bFactor[j] / aFactor[i]))
}

function foldable(sae: Sae): Float64Array {
  const { factor, unfoldable, median } = foldingFactors(requireThreshold(sae), sae.folded)
  for (const i of unfoldable) factor[i] = Number.isNaN(median) ? 1 : median
  return factor
}
