import type { Assignment } from '../assignment/result.js'
import { solveAssignment } from '../assignment/solve.js'
import type { Backend, Progress, RunControl } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { SaeMatchError } from '../errors.js'
import { checkComparable } from '../sae/comparable.js'
import { featureRows, type Rows, type SaeRows, type Scale, weightPresets } from '../sae/rows.js'
import { featureCount, type Sae } from '../sae/sae.js'
import { featurePairs, scoreBaselines } from './baselines.js'
import { invert } from './compose.js'
import { type MatchOptions, type MatchSettings, matchSettings } from './options.js'
import type { Match, MatchDistributions, MatchSummary } from './result.js'
import { featureOfRow, type MeanScores, meanScores, pairCosines, type Scoring, scorePairs } from './score.js'
import { distribution, linearEdges, logarithmicEdges } from './statistics.js'

/**
 * Matches the features of two SAEs: the one-to-one assignment with the least total cost, proved, with per-feature
 * scores and what to hold them against. Method: docs/paper.md 2; scores: docs/paper.md 3.1 and 4.
 *
 * @throws SaeMatchError `NOT_COMPARABLE`, `THRESHOLD_MISSING`, `SOLVER_UNAVAILABLE`, `UNKNOWN_OPTION`, `OUT_OF_MEMORY`
 * and the codes of backends; TypeError or RangeError `INVALID_ARGUMENT`; the reason of `signal`
 */
export async function match(a: Sae, b: Sae, options: MatchOptions = {}): Promise<Match> {
  const start = performance.now()
  const settings = matchSettings(options)
  const backend = await getBackend(settings.backend)
  const control = { signal: options.signal, onProgress: options.onProgress }
  const comparability = checkComparable(a, b, settings.weights)
  const sides = await openSides(a, b, settings, backend)
  const fold = performance.now() - start

  const assignment = await solveRows(sides.aRows, sides.bRows, settings, control)
  const { scoring, scoredScale } = await openScoring(sides, settings, backend)
  const features = await describeFeatures(sides, assignment, scoring)
  const { summary, warnings } = await summarise(sides, assignment, scoring, settings, control)
  options.signal?.throwIfAborted()
  return {
    n: featureCount(a),
    m: featureCount(b),
    cost: assignment.cost,
    certificate: assignment.certificate,
    ...features,
    summary,
    distributions: distributions(features),
    provenance: {
      scale: sides.aRows.scale,
      scoredScale,
      weights: settings.weights,
      unmatchedCost: settings.unmatchedCost,
      unfoldable: settings.unfoldable,
      backend: backend.name,
      simd: backend.simd,
      threads: backend.threads,
      solver: assignment.solver,
      source: assignment.source,
      verify: settings.verify,
      baselines: settings.baselines,
      seeds: settings.seeds,
    },
    warnings: [
      ...comparability,
      ...unfoldableWarnings(a, sides.aRows, settings),
      ...unfoldableWarnings(b, sides.bRows, settings),
      ...warnings,
    ],
    milliseconds: { fold, ...assignment.milliseconds, total: performance.now() - start },
  }
}

/** Two SAEs and the rows by which they are matched. */
export interface Sides {
  readonly a: Sae
  readonly b: Sae
  readonly aRows: SaeRows
  readonly bRows: SaeRows
}

async function openSides(a: Sae, b: Sae, settings: MatchSettings, backend: Backend): Promise<Sides> {
  const { scale, weights, unfoldable } = settings
  const [aScale, bScale] = scalesOf(scale)
  return {
    a,
    b,
    aRows: await featureRows(a, { scale: aScale, weights, unfoldable }, backend),
    bRows: await featureRows(b, { scale: bScale, weights, unfoldable }, backend),
  }
}

/** The scales of A and of B. */
function scalesOf(scale: MatchSettings['scale']): readonly Scale[] {
  return typeof scale === 'string' ? [scale, scale] : scale.stat.map((stat) => ({ stat }))
}

/** @param title names a solve that is not the match itself; such a one needs no neighbours */
function solveRows(
  a: Rows,
  b: Rows,
  { backend, solver, source, memoryBudget, unmatchedCost, verify }: MatchSettings,
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
      unmatchedCost,
      verify,
      neighbours,
      signal,
      onProgress: onProgress && titled,
    },
  )
}

type FeatureResults = Omit<
  Match,
  'n' | 'm' | 'cost' | 'certificate' | 'summary' | 'distributions' | 'provenance' | 'warnings' | 'milliseconds'
>

/** Everything there is about single features, in the order of the SAEs' features. */
async function describeFeatures(
  { a, b, aRows, bRows }: Sides,
  { rowToColumn, columnToRow, u, v, neighbours }: Assignment,
  scoring: Scoring,
): Promise<FeatureResults> {
  const [n, m] = [featureCount(a), featureCount(b)]
  const [aFeatures, bFeatures] = [featuresOf(aRows), featuresOf(bRows)]
  const ofA = (values: Float64Array | undefined) => placeNumbers(values, aFeatures, n)
  const partnersOfA = (rows: Int32Array | undefined) => placeIntegers(rows?.map(featureOfRow(bRows)), aFeatures, n)
  const partnersOfB = (rows: Int32Array | undefined) => placeIntegers(rows?.map(featureOfRow(aRows)), bFeatures, m)
  const aToB = partnersOfA(rowToColumn)
  const nearestAToB = partnersOfA(neighbours?.nearestColumn)
  const nearestBToA = partnersOfB(neighbours?.nearestRow)

  const pairs = featurePairs(rowToColumn, aRows, bRows)
  const scores = await scorePairs(scoring, pairs)
  const cosines = await pairCosines(scoring, pairs)
  const ofPairs = (values: Float64Array) => placeNumbers(values, pairs.a, n)
  return {
    aToB,
    bToA: invert(aToB, m),
    matched: pairs.a.length,
    u: ofA(u),
    v: placeNumbers(v, bFeatures, m),
    costs: {
      total: ofPairs(await exactCosts(scoring.backend, aRows, bRows, rowToColumn)),
      decoder: ofPairs(scores.decoder),
      encoder: ofPairs(scores.encoder),
      bias: ofPairs(scores.bias),
    },
    cosines: { decoder: ofPairs(cosines.decoder), encoder: ofPairs(cosines.encoder) },
    margin: ofA(neighbours?.margin),
    rankAToB: placeIntegers(neighbours?.rankInRow, aFeatures, n),
    rankBToA: placeIntegers(neighbours?.rankInColumn, bFeatures, m),
    nearestAToB,
    nearestBToA,
    mutual: Uint8Array.from(aToB, (j, i) => (j >= 0 && nearestAToB[i] === j && nearestBToA[j] === i ? 1 : 0)),
    unmatchedA: aFeatures.filter((_, row) => rowToColumn[row] < 0),
    unmatchedB: bFeatures.filter((_, row) => columnToRow[row] < 0),
    unfoldableA: aRows.unfoldable,
    unfoldableB: bRows.unfoldable,
  }
}

/**
 * The rows in which pairs are scored: folded wherever both SAEs have thresholds, also for a match of unfolded rows
 * (docs/paper.md 3.1); in the scale of the match otherwise.
 */
async function openScoring(
  { a, b, aRows }: Sides,
  { scale, weights, unfoldable }: MatchSettings,
  backend: Backend,
): Promise<{ scoring: Scoring; scoredScale: SaeRows['scale'] }> {
  const open = async ([aScale, bScale]: readonly Scale[]): Promise<Scoring> => ({
    backend,
    a: await featureRows(a, { scale: aScale, weights: weightPresets.all, unfoldable }, backend),
    b: await featureRows(b, { scale: bScale, weights: weightPresets.all, unfoldable }, backend),
    weights,
  })
  if (scale === 'none') {
    try {
      return { scoring: await open(['fold', 'fold']), scoredScale: 'fold' }
    } catch (error) {
      if (!(error instanceof SaeMatchError && error.code === 'THRESHOLD_MISSING')) throw error
    }
  }
  return { scoring: await open(scalesOf(scale)), scoredScale: aRows.scale }
}

/** The exact costs of the matched pairs of rows in the scale of the match: what the solver added up. */
async function exactCosts(backend: Backend, a: Rows, b: Rows, rowToColumn: Int32Array): Promise<Float64Array> {
  const rows = Int32Array.from(rowToColumn.keys()).filter((i) => rowToColumn[i] >= 0)
  const columns = rows.map((i) => rowToColumn[i])
  const squares = await backend.pairCosts(a, b, rows, columns)
  const blocks = a.blocks.length
  return Float64Array.from(rows, (_, p) => squares.subarray(p * blocks, (p + 1) * blocks).reduce((x, y) => x + y, 0))
}

/** The mean scores of the match and of everything it is held against. */
async function summarise(
  sides: Sides,
  { rowToColumn, neighbours }: Assignment,
  scoring: Scoring,
  settings: MatchSettings,
  control: RunControl,
): Promise<{ summary: MatchSummary; warnings: string[] }> {
  const { a, b, aRows, bRows } = sides
  const matched = await meanScores(scoring, featurePairs(rowToColumn, aRows, bRows))
  if (settings.baselines === 'none') return { summary: { matched }, warnings: [] }
  const square = featureCount(a) === featureCount(b)
  const basic = await scoreBaselines(scoring, { a: aRows, b: bRows, neighbours, square, seeds: settings.seeds })
  const second: { unfolded?: MeanScores; cosine?: MeanScores } = {}
  const warnings: string[] = []
  for (const [name, scale] of settings.baselines === 'all' ? secondScales : []) {
    if (aRows.scale === scale) continue
    const other = await matchInScale(sides, scale, `${name} match`, settings, control)
    if (!other.certificate.optimal) warnings.push(`The ${name} match is not proved optimal.`)
    second[name] = await meanScores(scoring, featurePairs(other.rowToColumn, aRows, bRows))
  }
  return { summary: { matched, ...second, ...basic }, warnings }
}

/** The baselines that need an assignment of their own. */
const secondScales = [
  ['unfolded', 'none'],
  ['cosine', 'unit'],
] as const

/** An optimal assignment of the same features in another scale (docs/paper.md 4). */
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
  return solveRows(await rowsOf(a, aRows), await rowsOf(b, bRows), settings, control, title)
}

function distributions({ costs, cosines }: Pick<Match, 'costs' | 'cosines'>): MatchDistributions {
  const magnitudes = (values: Float64Array) => distribution(values, (sorted) => logarithmicEdges(sorted, 30))
  const cosine = (values: Float64Array) => distribution(values, () => linearEdges(-1, 1, 40))
  return {
    cost: magnitudes(costs.total),
    decoder: magnitudes(costs.decoder),
    encoder: magnitudes(costs.encoder),
    bias: magnitudes(costs.bias),
    cosineDecoder: cosine(cosines.decoder),
    cosineEncoder: cosine(cosines.encoder),
  }
}

function unfoldableWarnings({ source }: Sae, { unfoldable }: SaeRows, settings: MatchSettings): string[] {
  if (unfoldable.length === 0) return []
  const what = unfoldable.length === 1 ? '1 feature has' : `${unfoldable.length} features have`
  const done = settings.unfoldable === 'exclude' ? 'left out' : 'given the median'
  return [`${source.path}: ${what} a threshold that cannot be folded (${done}).`]
}

/** The features that rows stand for, in their order. */
function featuresOf(rows: Rows): Int32Array {
  return rows.index ?? Int32Array.from({ length: rows.count }, (_, i) => i)
}

/** `length` numbers: `values` at `features`, NaN elsewhere and where there are no values. */
function placeNumbers(values: Float64Array | undefined, features: Int32Array, length: number): Float64Array {
  const placed = new Float64Array(length).fill(Number.NaN)
  if (values !== undefined) for (let k = 0; k < features.length; k++) placed[features[k]] = values[k]
  return placed
}

/** `length` integers: `values` at `features`, -1 elsewhere and where there are no values. */
function placeIntegers(values: Int32Array | undefined, features: Int32Array, length: number): Int32Array {
  const placed = new Int32Array(length).fill(-1)
  if (values !== undefined) for (let k = 0; k < features.length; k++) placed[features[k]] = values[k]
  return placed
}
