import type { BackendName, RunControl } from '../backend/backend.js'
import { type BackendRequest, getBackend } from '../backend/select.js'
import { wrongValue } from '../errors.js'
import { checkComparable } from '../sae/comparable.js'
import type { SaeRows } from '../sae/rows.js'
import { featureCount, requireSae, type Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'
import { type FoundFeatures, nearestFeatures } from './nearest-features.js'
import { type MatchOptions, type RowSettings, rowSettings } from './options.js'
import { pairCosines, type Scoring, scorePairs } from './score.js'
import { openScoring, openSides } from './sides.js'
import { mean } from './statistics.js'
import { loadingWarnings, rowWarnings } from './warnings.js'

/** Options of {@link nearest}. */
export interface NearestOptions extends RunControl, Pick<MatchOptions, keyof RowSettings> {
  /**
   * How many nearest features are wanted: no more than the larger SAE has, and no more than 2^26 of all its features
   * together. Default 1.
   */
  readonly k?: number | undefined
  /** Default `auto`: the best one that works here. */
  readonly backend?: BackendRequest | undefined
}

/** Nearest features of one side that are held at once. */
const mostEntries = 2 ** 26

/** What every feature of one SAE finds nearest in the other; [features, k] row-major, nearest first. */
export interface NearestFeatures {
  /** Features of the other SAE; -1 where there are no more, or the feature takes no part. */
  readonly feature: Int32Array
  /** Their exact costs in the scale asked for, NaN where there is none. Equal costs: the lower feature first. */
  readonly cost: Float64Array
  /** Cosines of the two decoder rows, 0 for zero rows, NaN where there is no pair. */
  readonly cosineDecoder: Float64Array
  /** Mean of `cosineDecoder` over every feature's nearest: MMCS where the scale is `unit` and the weights are `decoder`. */
  readonly meanCosineDecoder: number
}

/** The nearest features of two SAEs both ways. Many features may have the same nearest one. */
export interface Nearest {
  /** Number of features of A. */
  readonly n: number
  /** Number of features of B. */
  readonly m: number
  readonly k: number
  readonly aToB: NearestFeatures
  readonly bToA: NearestFeatures
  /** [n] 1 where a feature of A and its nearest of B are each other's nearest. */
  readonly mutual: Uint8Array
  /** The share of all features of A of which that is true. */
  readonly mutualShare: number
  readonly backend: BackendName
  /** What a user should know, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * The k nearest features of B for every feature of A and the other way round, by the same costs as `match`, exact and
 * over all pairs. An SAE with itself (the same object twice) leaves out every feature's own: how alike its features are.
 *
 * @param a n features of width d, as `loadSae` gives them
 * @param b m features of the same width
 * @throws SaeMatchError `NOT_COMPARABLE`, `THRESHOLD_MISSING`, `UNKNOWN_OPTION`, `OUT_OF_MEMORY` and the codes of
 *   backends; TypeError or RangeError `INVALID_ARGUMENT`; the reason of `signal`
 */
export async function nearest(a: Sae, b: Sae, options: NearestOptions = {}): Promise<Nearest> {
  requireSae('a', a)
  requireSae('b', b)
  rejectUnknownOptions(options, [
    'k',
    'scale',
    'sign',
    'alignment',
    'weights',
    'unfoldable',
    'dead',
    'backend',
    'signal',
    'onProgress',
  ])
  const { k = 1, signal, onProgress } = options
  const size = Math.max(featureCount(a), featureCount(b))
  const most = Math.max(1, Math.min(size, Math.floor(mostEntries / size)))
  if (!Number.isSafeInteger(k) || k < 1 || k > most) throw wrongValue('k', `a whole number from 1 to ${most}`, k)
  const settings = rowSettings(options)
  const backend = await getBackend(options.backend ?? 'auto')
  const comparability = checkComparable(a, b, settings.weights)
  const sides = await openSides(a, b, settings, backend, signal)
  const { aRows, bRows } = sides
  const { scoring } = await openScoring(sides, settings, backend, signal)
  const self = sides.a === b

  const from = async (title: string, x: SaeRows, y: SaeRows, scored: Scoring) => {
    const titled =
      onProgress && ((progress: Parameters<typeof onProgress>[0]) => onProgress({ ...progress, phase: title }))
    const found = await nearestFeatures(x, y, { k, self, sign: settings.sign }, backend, { signal, onProgress: titled })
    return { features: await describe(found, k, scored), backend: found.backend }
  }
  const forward = await from('A to B', aRows, bRows, scoring)
  const { a: aScored, b: bScored, aNorms, bNorms } = scoring
  const turned = { ...scoring, a: bScored, b: aScored, aNorms: bNorms, bNorms: aNorms }
  const backward = self ? forward : await from('B to A', bRows, aRows, turned)
  const [aToB, bToA] = [forward.features, backward.features]

  const mutual = Uint8Array.from({ length: featureCount(a) }, (_, i) => {
    const j = aToB.feature[i * k]
    return j >= 0 && bToA.feature[j * k] === i ? 1 : 0
  })
  return {
    n: featureCount(a),
    m: featureCount(b),
    k,
    aToB,
    bToA,
    mutual,
    mutualShare: mean(mutual),
    // where one way failed on a GPU and was done again, the other backend
    backend: forward.backend === 'cuda' ? backward.backend : forward.backend,
    warnings: [
      ...new Set([
        ...loadingWarnings(a),
        ...loadingWarnings(b),
        ...comparability,
        ...rowWarnings(a, aRows, settings.unfoldable),
        ...rowWarnings(b, bRows, settings.unfoldable),
      ]),
    ],
  }
}

async function describe({ feature, cost }: FoundFeatures, k: number, scoring: Scoring): Promise<NearestFeatures> {
  const places = Int32Array.from(feature, (_, place) => place).filter((place) => feature[place] >= 0)
  const pairs = { a: places.map((place) => Math.floor(place / k)), b: places.map((place) => feature[place]) }
  const { decoder } = pairCosines(scoring, pairs, await scorePairs(scoring, pairs))
  const cosineDecoder = new Float64Array(feature.length).fill(Number.NaN)
  places.forEach((place, p) => {
    cosineDecoder[place] = decoder[p]
  })
  const first = cosineDecoder.filter((cosine, place) => place % k === 0 && !Number.isNaN(cosine))
  return { feature, cost, cosineDecoder, meanCosineDecoder: mean(first) }
}
