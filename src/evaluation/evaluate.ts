import type { Backend, RunControl } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { wrongType } from '../errors.js'
import { nearestFeatures } from '../matching/nearest-features.js'
import { randomMatching } from '../matching/random-matching.js'
import { mean } from '../matching/statistics.js'
import { featureRows, weightPresets } from '../sae/rows.js'
import { featureCount, type Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'
import { type ApproximatedStates, requireQuantile } from './approximate.js'
import { createDecoder, type Route, straight } from './decoding.js'
import { Coactivation, type MatchingScore, type PairCounts } from './matching-score.js'
import { ApproximationError, type Fidelity, Spread } from './metrics.js'
import {
  type ApproximationOptions,
  approximationOptionNames,
  approximationSettings,
  type EvaluatedMatch,
} from './options.js'
import { byDecoderDistance, type DecodingScale, matchedRoute, quantileRoute, type UnmatchedFeatures } from './routes.js'
import { openMask } from './token-mask.js'
import { type ActivationsOfBoth, Method, passTokens, type TokenSums } from './token-pass.js'

/** Options of {@link evaluate}. */
export interface EvaluateOptions extends ApproximationOptions, Pick<RunControl, 'onProgress'> {
  /** Shares of the pairs, from 0 to 1, for mixtures of both decoders. Default: none. */
  readonly quantiles?: readonly number[] | undefined
  /** Of the random matchings; with several the mean of their numbers is given. Default [0]. */
  readonly seeds?: readonly number[] | undefined
  /** Takes the approximated hidden states of the match, batch by batch; awaited. */
  readonly onApproximation?: ((states: ApproximatedStates) => Promise<void> | void) | undefined
}

/** How well pairs carry hidden states over, and how often their features are active together. */
export interface PairingScores extends Fidelity, MatchingScore {}

/** A mixture of both decoders. */
export interface QuantileScores extends Fidelity {
  readonly quantile: number
  /** How many features go through B's decoder. */
  readonly features: number
}

/** What the match is held against (docs/method.md#baselines-on-activations). */
export interface EvaluationBaselines {
  /** Feature i with feature i; SAEs of equal size only. */
  readonly identity?: PairingScores
  /** A uniform one-to-one matching, the mean over the seeds. */
  readonly random: PairingScores
  /** Every feature of A with its nearest of B; left out for a match in a caller's scale or alignment that does not bring it. */
  readonly nearest?: PairingScores
  /** SAE A's reconstruction of its own layer: what the match has to pass. */
  readonly encodeDecodePrevious: Fidelity
  /** SAE B's reconstruction of its own layer: the ceiling. */
  readonly encodeDecodeCurrent: Fidelity
  /** The hidden state at A as it is. */
  readonly layerDrop: Fidelity
}

/** What {@link evaluate} finds out. */
export interface Evaluation {
  /** Tokens that counted. */
  readonly tokens: number
  /** Tokens that the mask left out. */
  readonly maskedTokens: number
  readonly scale: DecodingScale
  readonly unmatched: UnmatchedFeatures
  /** The match: encode with A, move activations to their partners, decode with B. */
  readonly matched: PairingScores
  readonly baselines: EvaluationBaselines
  readonly quantiles: readonly QuantileScores[]
  /** Mean number of active features of a token. */
  readonly l0: { readonly a: number; readonly b: number }
  /** Features that are active on none of the tokens. */
  readonly neverActive: { readonly a: number; readonly b: number }
  /** Counts of the match, in the order of A's features. */
  readonly counts: PairCounts
  readonly seeds: readonly number[]
  readonly milliseconds: number
}

/**
 * Evaluates a match on dumped activations: how much of the hidden state at B the approximation from A explains, how
 * often matched features are active together, and the same of everything to hold it against. One pass over the files.
 * Everything in it: docs/method.md#evaluation-on-activations.
 *
 * @param a n features of width d
 * @param b m features of the same width
 * @param match of the two, or `{ aToB }` alone, also a composed one
 * @param activations hidden states [tokens, d] of both layers, the same tokens row for row
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `UNKNOWN_OPTION`, `NOT_COMPARABLE`,
 *   `THRESHOLD_MISSING` for the scale `folded` without thresholds, `FILE_NOT_FOUND`, `FORMAT_UNKNOWN`,
 *   `FORMAT_INVALID`, `FILE_TRUNCATED`, `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`, `TENSOR_NOT_FINITE`; the
 *   reason of `signal`
 */
export async function evaluate(
  a: Sae,
  b: Sae,
  match: EvaluatedMatch,
  activations: ActivationsOfBoth,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const start = performance.now()
  rejectUnknownOptions(options, [
    ...approximationOptionNames,
    'quantiles',
    'seeds',
    'onApproximation',
    'onProgress',
  ] satisfies (keyof EvaluateOptions)[])
  const { quantiles = [], seeds = [0], signal, onProgress, onApproximation } = options
  const { scale, unmatched, batchTokens } = approximationSettings(a, b, match, options)
  if (!Array.isArray(quantiles)) throw wrongType('quantiles', 'an array of numbers', quantiles)
  for (const [q, quantile] of quantiles.entries()) requireQuantile(`quantiles[${q}]`, quantile)
  if (!Array.isArray(seeds) || seeds.length === 0) throw wrongType('seeds', 'an array of numbers', seeds)
  const backend = await getBackend(options.backend)

  const pairings = await pairingsOf(a, b, match, seeds, backend, signal)
  const routes = pairings.map(({ aToB }) => matchedRoute(a, b, aToB, scale, unmatched))
  const order = quantiles.length > 0 ? await byDecoderDistance(a, b, match.aToB, backend) : new Int32Array()
  const [decoderA, decoderB] = [createDecoder(a), createDecoder(b)]
  const throughBoth = (route: Route) => new Method(route, 'a', decoderA, decoderB)
  const methods = {
    pairings: routes.map(throughBoth),
    quantiles: quantiles.map((quantile) => throughBoth(quantileRoute(routes[0], order, quantile))),
    previous: new Method(straight(featureCount(a)), 'a', decoderA, decoderA),
    current: new Method(straight(featureCount(b)), 'b', decoderB, decoderB),
  }
  const sums: TokenSums = {
    methods: [...methods.pairings, ...methods.quantiles, methods.previous, methods.current],
    dropped: new ApproximationError(a.encoder.columns),
    target: new Spread(a.encoder.columns),
    coactivation: new Coactivation(
      featureCount(a),
      featureCount(b),
      pairings.map(({ aToB }) => aToB),
    ),
  }
  const write = onApproximation && { state: methods.pairings[0].state, take: onApproximation }
  const mask = await openMask(options.mask, signal)
  const read = await passTokens(a, b, activations, sums, { mask, batchTokens, backend, signal, onProgress, write })

  const { dropped, target, coactivation } = sums
  const scores = pairings.map(
    (_, p): PairingScores => ({ ...methods.pairings[p].error.fidelity(target), ...coactivation.score(p) }),
  )
  const named = (name: string) => scores.filter((_, p) => pairings[p].name === name)
  const [identity] = named('identity')
  const [nearest] = named('nearest')
  return {
    tokens: coactivation.tokens,
    maskedTokens: read - coactivation.tokens,
    scale,
    unmatched,
    matched: scores[0],
    baselines: {
      ...(identity && { identity }),
      random: meanOfScores(named('random')),
      ...(nearest && { nearest }),
      encodeDecodePrevious: methods.previous.error.fidelity(target),
      encodeDecodeCurrent: methods.current.error.fidelity(target),
      layerDrop: dropped.fidelity(target),
    },
    quantiles: methods.quantiles.map(({ route, error }, q) => ({
      quantile: quantiles[q],
      features: route.target.filter((j) => j >= 0).length,
      ...error.fidelity(target),
    })),
    ...coactivation.activity(),
    counts: coactivation.counts(0),
    seeds,
    milliseconds: performance.now() - start,
  }
}

interface Pairing {
  readonly name: 'matched' | 'identity' | 'random' | 'nearest'
  readonly aToB: Int32Array
}

/** The match, then the pairs it is held against. */
async function pairingsOf(
  a: Sae,
  b: Sae,
  match: EvaluatedMatch,
  seeds: readonly number[],
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Pairing[]> {
  const [n, m] = [featureCount(a), featureCount(b)]
  const nearest = await nearestOf(a, b, match, backend, signal)
  return [
    { name: 'matched', aToB: match.aToB },
    ...(n === m ? [{ name: 'identity' as const, aToB: straight(n).target }] : []),
    ...seeds.map((seed) => ({ name: 'random' as const, aToB: randomMatching(n, m, seed) })),
    ...(nearest === null ? [] : [{ name: 'nearest' as const, aToB: nearest }]),
  ]
}

/** The nearest feature of B for each of A, as the match compares them; null where that takes numbers of the caller's. */
async function nearestOf(
  a: Sae,
  b: Sae,
  { nearestAToB, provenance }: EvaluatedMatch,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Int32Array | null> {
  if (nearestAToB?.some((j) => j >= 0)) return nearestAToB
  if (provenance?.scale === 'stat' || provenance?.aligned === true) return null
  const foldable = a.threshold !== null && b.threshold !== null
  const { weights = weightPresets.all, unfoldable = 'exclude' } = provenance ?? {}
  const rowOptions = { scale: provenance?.scale ?? (foldable ? 'fold' : 'none'), weights, unfoldable } as const
  const [aRows, bRows] = [await featureRows(a, rowOptions, backend), await featureRows(b, rowOptions, backend)]
  return (await nearestFeatures(aRows, bRows, { k: 1, self: false, sign: provenance?.sign }, backend, { signal }))
    .feature
}

function meanOfScores(scores: readonly PairingScores[]): PairingScores {
  const over = (of: (score: PairingScores) => number) => mean(scores.map(of))
  return {
    explainedVariance: over(({ explainedVariance }) => explainedVariance),
    fvu: over(({ fvu }) => fvu),
    evVar: over(({ evVar }) => evVar),
    fvuVar: over(({ fvuVar }) => fvuVar),
    evDim: over(({ evDim }) => evDim),
    matchingScore: over(({ matchingScore }) => matchingScore),
    macroAGivenB: over(({ macroAGivenB }) => macroAGivenB),
    macroJaccard: over(({ macroJaccard }) => macroJaccard),
    microBGivenA: over(({ microBGivenA }) => microBGivenA),
    microAGivenB: over(({ microAGivenB }) => microAGivenB),
    microJaccard: over(({ microJaccard }) => microJaccard),
    support: {
      bGivenA: over(({ support }) => support.bGivenA),
      aGivenB: over(({ support }) => support.aGivenB),
      jaccard: over(({ support }) => support.jaccard),
    },
  }
}
