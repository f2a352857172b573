import type { Assignment } from '../assignment/result.js'
import { solveAssignment } from '../assignment/solve.js'
import type { Backend, Progress, RunControl } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { checkComparable } from '../sae/comparable.js'
import { featureRows, type Rows } from '../sae/rows.js'
import { featureCount, requireSae, type Sae } from '../sae/sae.js'
import { featurePairs, scoreBaselines } from './baselines.js'
import { exactCosts } from './exact-costs.js'
import { describeFeatures } from './features.js'
import { type MatchOptions, type MatchSettings, matchSettings } from './options.js'
import type { Match, MatchDistributions, MatchSummary } from './result.js'
import { type MeanScores, meanScores, meansOf, type Scoring, scorePairs } from './score.js'
import { openScoring, openSides, type Sides } from './sides.js'
import { distribution, linearEdges, logarithmicEdges, quantiles } from './statistics.js'
import { loadingWarnings, rowWarnings } from './warnings.js'

/**
 * Matches the features of two SAEs: the one-to-one assignment with the least total cost, proved, with per-feature
 * scores and what to hold them against. Everything in it: docs/method.md.
 *
 * @param a n features of width d, as `loadSae` gives them
 * @param b m features of the same width
 * @returns partners, scores, margins and ranks for every feature in the order of the SAEs (-1 and NaN where there is
 *   none), the certificate, baselines, and the warnings of both SAEs and of the match
 * @throws SaeMatchError `NOT_COMPARABLE`, `THRESHOLD_MISSING`, `SOLVER_UNAVAILABLE`, `UNKNOWN_OPTION`, `OUT_OF_MEMORY`
 * and the codes of backends; TypeError or RangeError `INVALID_ARGUMENT`; the reason of `signal`
 */
export async function match(a: Sae, b: Sae, options: MatchOptions = {}): Promise<Match> {
  const start = performance.now()
  requireSae('a', a)
  requireSae('b', b)
  const chosen = matchSettings(options)
  const backend = await getBackend(chosen.backend)
  const control = { signal: options.signal, onProgress: options.onProgress }
  const comparability = checkComparable(a, b, chosen.weights)
  const sides = await openSides(a, b, chosen, backend, options.signal)
  const fold = performance.now() - start

  const settings = await withUnmatchedCost(sides, chosen, backend, control)
  const assignment = await solveRows(sides.aRows, sides.bRows, settings, control)
  const { scoring, scoredScale } = await openScoring(sides, settings, backend, options.signal)
  const pairs = featurePairs(assignment.rowToColumn, sides.aRows, sides.bRows)
  const scores = await scorePairs(scoring, pairs)
  const features = await describeFeatures(sides, settings.sign, assignment, scoring, pairs, scores)
  const { baselines, warnings } = await runBaselines(sides, assignment, scoring, settings, control)
  options.signal?.throwIfAborted()
  return {
    n: featureCount(a),
    m: featureCount(b),
    cost: assignment.cost,
    certificate: assignment.certificate,
    ...features,
    summary: { matched: meansOf(scores), ...baselines },
    distributions: distributions(features),
    provenance: {
      scale: sides.aRows.scale,
      scoredScale,
      ...(settings.sign !== 'same' && { sign: settings.sign }),
      ...(settings.alignment !== null && { aligned: true }),
      weights: settings.weights,
      unmatchedCost: settings.unmatchedCost,
      ...(settings.unmatchedQuantile !== null && { unmatchedQuantile: settings.unmatchedQuantile }),
      unfoldable: settings.unfoldable,
      backend: assignment.backend,
      simd: assignment.simd,
      threads: backend.threads,
      solver: assignment.solver,
      source: assignment.source,
      verify: settings.verify,
      baselines: settings.baselines,
      seeds: settings.seeds,
    },
    // an SAE matched with itself says everything once
    warnings: [
      ...new Set([
        ...loadingWarnings(a),
        ...loadingWarnings(b),
        ...comparability,
        ...rowWarnings(a, sides.aRows, settings.unfoldable),
        ...rowWarnings(b, sides.bRows, settings.unfoldable),
        ...warnings,
      ]),
    ],
    milliseconds: { fold, ...assignment.milliseconds, total: performance.now() - start },
  }
}

/** The settings with the number that `unmatchedQuantile` stands for: a quantile of the costs of the full match. */
async function withUnmatchedCost(
  { aRows, bRows }: Sides,
  settings: MatchSettings,
  backend: Backend,
  control: RunControl,
): Promise<MatchSettings> {
  const { unmatchedQuantile, sign } = settings
  if (unmatchedQuantile === null) return settings
  const { rowToColumn } = await solveRows(aRows, bRows, { ...settings, verify: 'shortlist' }, control, 'full match')
  const costs = await exactCosts(aRows, bRows, rowToColumn, sign, backend, control)
  const [unmatchedCost] = quantiles(costs.sort(), [unmatchedQuantile])
  return { ...settings, unmatchedCost: Number.isNaN(unmatchedCost) ? Number.POSITIVE_INFINITY : unmatchedCost }
}

/** @param title names a solve that is not the match itself; such a one needs no neighbours */
function solveRows(
  a: Rows,
  b: Rows,
  { backend, solver, source, memoryBudget, sign, unmatchedCost, verify }: MatchSettings,
  { signal, onProgress }: RunControl,
  title?: string,
): Promise<Assignment> {
  const neighbours = title === undefined && verify === 'full'
  const titled = ({ phase, ...rest }: Progress) =>
    onProgress?.({ phase: title === undefined ? phase : `${title}: ${phase}`, ...rest })
  return solveAssignment(
    { a, b },
    {
      backend,
      solver,
      source,
      memoryBudget,
      sign,
      unmatchedCost,
      verify,
      neighbours,
      signal,
      onProgress: onProgress && titled,
    },
  )
}

/** The mean scores of everything the match is held against. */
async function runBaselines(
  sides: Sides,
  { neighbours }: Assignment,
  scoring: Scoring,
  settings: MatchSettings,
  control: RunControl,
): Promise<{ baselines: Omit<MatchSummary, 'matched'>; warnings: string[] }> {
  const { a, b, aRows, bRows } = sides
  if (settings.baselines === 'none') return { baselines: {}, warnings: [] }
  const square = featureCount(a) === featureCount(b)
  const basic = await scoreBaselines(scoring, { a: aRows, b: bRows, neighbours, square, seeds: settings.seeds })
  const second: { unfolded?: MeanScores; cosine?: MeanScores } = {}
  const warnings: string[] = []
  for (const [name, scale] of settings.baselines === 'all' ? secondScales : []) {
    if (aRows.scale === scale && settings.sign === 'same') continue
    const other = await matchInScale(sides, scale, `${name} match`, settings, control)
    if (!other.certificate.optimal) warnings.push(`The ${name} match is not proved optimal.`)
    ;[second[name]] = await meanScores(scoring, [featurePairs(other.rowToColumn, aRows, bRows)])
  }
  return { baselines: { ...second, ...basic }, warnings }
}

/** The baselines that need an assignment of their own. */
const secondScales = [
  ['unfolded', 'none'],
  ['cosine', 'unit'],
] as const

/** An optimal assignment of the same features in another scale (docs/method.md#baselines). */
async function matchInScale(
  { a, b, aRows, bRows }: Sides,
  scale: 'none' | 'unit',
  title: string,
  settings: MatchSettings,
  control: RunControl,
): Promise<Assignment> {
  const backend = await getBackend(settings.backend)
  const rowsOf = async (sae: Sae, { index, count }: Rows): Promise<Rows> => {
    const { blocks, width } = await featureRows(sae, { scale, weights: settings.weights }, backend)
    return { blocks, width, index, count }
  }
  return solveRows(await rowsOf(a, aRows), await rowsOf(b, bRows), { ...settings, sign: 'same' }, control, title)
}

function distributions({
  costs,
  cosines,
  confidence,
}: Pick<Match, 'costs' | 'cosines' | 'confidence'>): MatchDistributions {
  const magnitudes = (values: Float64Array) => distribution(values, (sorted) => logarithmicEdges(sorted, 30))
  const cosine = (values: Float64Array) => distribution(values, () => linearEdges(-1, 1, 40))
  return {
    cost: magnitudes(costs.total),
    decoder: magnitudes(costs.decoder),
    encoder: magnitudes(costs.encoder),
    bias: magnitudes(costs.bias),
    cosineDecoder: cosine(cosines.decoder),
    cosineEncoder: cosine(cosines.encoder),
    confidence: distribution(confidence, () => linearEdges(0, 1, 20)),
  }
}
