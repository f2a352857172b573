import type { BackendName, Certificate, RowSign, SolverName, SourceName } from '../backend/backend.js'
import type { SaeRows, Weights } from '../sae/rows.js'
import type { Baselines } from './baselines.js'
import type { MeanScores } from './score.js'
import type { Distribution } from './statistics.js'

/** What a match is held against: everything that needs no second assignment, or the second assignments too. */
export type BaselineChoice = 'basic' | 'all' | 'none'

/** A matching of the n features of SAE A with the m features of SAE B. Arrays are in the order of the SAE's features. */
export interface Match {
  /** Number of features of A. */
  readonly n: number
  /** Number of features of B. */
  readonly m: number
  /** [n] feature of B for each feature of A, -1 where unmatched. */
  readonly aToB: Int32Array
  /** [m] the inverse of `aToB`. */
  readonly bToA: Int32Array
  /** Number of pairs. */
  readonly matched: number
  /** The least total cost, in the scale of the match, the unmatched terms included. */
  readonly cost: number
  /** The proof that it is the least. */
  readonly certificate: Certificate
  /** [n] price of each feature of A; NaN where it did not take part. */
  readonly u: Float64Array
  /** [m] price of each feature of B; NaN where it did not take part. */
  readonly v: Float64Array
  readonly costs: PairCosts
  /** [n] each: cosines of the matched decoder and encoder rows; NaN as in {@link PairCosts}, 0 for zero rows. */
  readonly cosines: { readonly decoder: Float64Array; readonly encoder: Float64Array }
  // margins, ranks and nearest features come from the sweep of `verify: 'full'`; otherwise they are NaN and -1
  /** [n] least cost of another partner less the partner's; negative where a nearer one was given to another feature. */
  readonly margin: Float64Array
  /**
   * [n] from 0 to 1: by what share of its cost the next best partner of a feature of A is dearer, `margin / (cost + margin)`,
   * and 0 where another feature is as near to either of the two; NaN where unmatched, and without the sweep.
   */
  readonly confidence: Float64Array
  /** [n] how many features of B are nearer than the partner; -1 where unmatched. */
  readonly rankAToB: Int32Array
  /** [m] how many features of A are nearer than the partner; -1 where unmatched. */
  readonly rankBToA: Int32Array
  /** [n] nearest feature of B, matched or not; -1 where there is none. */
  readonly nearestAToB: Int32Array
  /** [m] nearest feature of A. */
  readonly nearestBToA: Int32Array
  /** [n] 1 where the two features of a pair are each other's nearest. */
  readonly mutual: Uint8Array
  /** Features of A that took part and have no partner, ascending. */
  readonly unmatchedA: Int32Array
  /** Features of B that took part and have no partner, ascending. */
  readonly unmatchedB: Int32Array
  /** Features of A whose threshold or statistic cannot be folded, ascending. */
  readonly unfoldableA: Int32Array
  /** Features of B whose threshold or statistic cannot be folded, ascending. */
  readonly unfoldableB: Int32Array
  readonly summary: MatchSummary
  readonly distributions: MatchDistributions
  readonly provenance: Provenance
  /** What a user should know, one sentence each. */
  readonly warnings: readonly string[]
  readonly milliseconds: {
    readonly fold: number
    readonly cost: number
    readonly solve: number
    readonly verify: number
    readonly total: number
  }
}

/**
 * [n] each, NaN where unmatched. The parts are also NaN for a pair that a match in another scale made of a feature that
 * cannot be folded.
 */
export interface PairCosts {
  /** What the assignment minimised, in the scale of the match. */
  readonly total: Float64Array
  /** m_dec of docs/method.md#scores-of-pairs, in the scale `provenance.scoredScale`, as the two others. */
  readonly decoder: Float64Array
  /** m_enc */
  readonly encoder: Float64Array
  /** m_bias */
  readonly bias: Float64Array
}

/**
 * Means over the pairs that have scores, in `provenance.scoredScale`: of the match and of what it is held against. Their
 * `total` is the folded objective per feature wherever both SAEs have thresholds, with the weights of the match.
 */
export interface MatchSummary extends Partial<Baselines> {
  readonly matched: MeanScores
  /** An optimal match of the unfolded features (scale `none`). */
  readonly unfolded?: MeanScores
  /** An optimal match of the directions alone (scale `unit`). */
  readonly cosine?: MeanScores
}

/** Over the matched pairs. */
export interface MatchDistributions {
  readonly cost: Distribution
  readonly decoder: Distribution
  readonly encoder: Distribution
  readonly bias: Distribution
  readonly cosineDecoder: Distribution
  readonly cosineEncoder: Distribution
  readonly confidence: Distribution
}

/** How a match was made: with the inputs, enough to make it again. */
export interface Provenance {
  readonly scale: SaeRows['scale']
  /** In what pairs are scored: `fold` wherever both SAEs have thresholds, whatever the match looked at. */
  readonly scoredScale: SaeRows['scale']
  /** `either` where features were compared up to their sign; left out otherwise. */
  readonly sign?: RowSign
  /** Whether features of A were moved into the space of B first; left out otherwise. */
  readonly aligned?: boolean
  readonly weights: Weights
  /** Infinity for a full match of the smaller SAE. */
  readonly unmatchedCost: number
  /** Where `unmatchedCost` is this quantile of the costs of the full match; left out otherwise. */
  readonly unmatchedQuantile?: number
  readonly unfoldable: 'exclude' | 'median'
  readonly backend: BackendName
  /** The instruction set that ran, null for the TypeScript backend. */
  readonly simd: string | null
  readonly threads: number
  readonly solver: SolverName
  /** Whether the cost matrix existed. */
  readonly source: SourceName
  readonly verify: 'full' | 'shortlist'
  readonly baselines: BaselineChoice
  /** Of the random matchings. */
  readonly seeds: readonly number[]
}
