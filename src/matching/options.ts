import {
  defaultMemoryBudget,
  type RowSign,
  type RunControl,
  type SolverName,
  type SourceName,
} from '../backend/backend.js'
import type { BackendRequest } from '../backend/environment.js'
import { wrongType, wrongValue } from '../errors.js'
import { type Alignment, requireAlignment } from '../sae/align.js'
import { type Weights, weightPresets } from '../sae/rows.js'
import { oneOf, rejectUnknownOptions } from '../validate.js'
import type { BaselineChoice } from './result.js'

/** A statistic for every feature of each SAE, [n] and [m], in the place of thresholds. */
export interface StatScale {
  readonly stat: readonly [Float32Array | Float64Array, Float32Array | Float64Array]
}

/** For each SAE, [n] and [m], 1 for a feature that is left out; null for none. */
export type DeadFeatures = readonly [Uint8Array | null, Uint8Array | null]

/** Options of `match`; what is left out has its default. */
export interface MatchOptions extends RunControl {
  /** What makes features comparable (see `featureRows`). Default `fold`: every feature fires at 1. */
  readonly scale?: 'fold' | 'unit' | 'none' | StatScale | undefined
  /**
   * Whether features are compared as they are, or up to their sign: by the lesser of `|x - y|^2` and `|x + y|^2`. With
   * the scale `unit` and decoders alone that is `2 - 2 |cos|`. Default `same`.
   */
  readonly sign?: RowSign | undefined
  /**
   * R, [d, d] row-major, where hidden states of A as rows go over into the space of B as `x R`: features of A are moved
   * there before they are compared (docs/method.md#alignment). Default: none.
   */
  readonly alignment?: Alignment | undefined
  /** How much each term of the cost counts: numbers, or the name of a preset. Default `all`. */
  readonly weights?: Weights | keyof typeof weightPresets | undefined
  /** Default `auto`: `shortlist`. `greedy` is fast and not exact; its certificate says so. */
  readonly solver?: SolverName | 'auto' | undefined
  /** Default `auto`: the best one that works here, or what `SAE_MATCH_BACKEND` says. */
  readonly backend?: BackendRequest | undefined
  /** What a pair missing from a full matching costs; no dearer pair is made. Default Infinity: the smaller SAE is matched whole. */
  readonly unmatchedCost?: number | undefined
  /**
   * In the place of `unmatchedCost`: the quantile, from 0 to 1, of the costs of the pairs of a full match, which is made
   * first. About this share of its pairs stays: a dear one goes, and another where the rest gains more than it costs.
   */
  readonly unmatchedQuantile?: number | undefined
  /** Whether the cost matrix is formed (`dense`) or never exists (`implicit`). Default `auto`: as `memoryBudget` allows. */
  readonly source?: Exclude<SourceName, 'sparse'> | 'auto' | undefined
  /** Bytes that costs may take: 4 for every pair when `dense`; when `implicit`, one or none. Default 4e9. */
  readonly memoryBudget?: number | undefined
  /** What to hold the match against. Default `basic`. */
  readonly baselines?: BaselineChoice | undefined
  /** Features that cannot be folded are left out, or get the median threshold of their SAE. Default `exclude`. */
  readonly unfoldable?: 'exclude' | 'median' | undefined
  /**
   * Features of A and of B that are left out, [n] and [m], 1 for each (`deadFeatures` gives those that never fire); null for
   * none of that side. Default: none.
   */
  readonly dead?: DeadFeatures | undefined
  /** Whether the proof looks at every entry or at the solver's lists and bounds. Default `full`. */
  readonly verify?: 'full' | 'shortlist' | undefined
  /** Of the random matchings to compare with. Default 0 to 4. */
  readonly seeds?: readonly number[] | undefined
}

/** By which rows features are compared. */
export interface RowSettings {
  readonly sign: RowSign
  readonly scale: 'fold' | 'unit' | 'none' | StatScale
  /** null for none. */
  readonly alignment: Alignment | null
  readonly weights: Weights
  readonly unfoldable: 'exclude' | 'median'
  readonly dead: DeadFeatures
}

/** What decides the numbers of a match besides its inputs: options with every default in its place. */
export interface MatchSettings extends RowSettings {
  readonly solver: SolverName | 'auto'
  readonly backend: BackendRequest
  readonly unmatchedCost: number
  /** null where `unmatchedCost` is a number of the caller's. */
  readonly unmatchedQuantile: number | null
  readonly source: Exclude<SourceName, 'sparse'> | 'auto'
  readonly memoryBudget: number
  readonly baselines: BaselineChoice
  readonly verify: 'full' | 'shortlist'
  readonly seeds: readonly number[]
}

const optionNames = [
  'scale',
  'sign',
  'alignment',
  'weights',
  'solver',
  'backend',
  'unmatchedCost',
  'unmatchedQuantile',
  'source',
  'memoryBudget',
  'baselines',
  'unfoldable',
  'dead',
  'verify',
  'seeds',
  'signal',
  'onProgress',
] as const satisfies readonly (keyof MatchOptions)[]

/**
 * Checks the options of a match and puts defaults in place.
 *
 * @throws `INVALID_ARGUMENT`, `UNKNOWN_OPTION`
 */
export function matchSettings(options: MatchOptions): MatchSettings {
  rejectUnknownOptions(options, optionNames)
  const {
    unmatchedCost = Number.POSITIVE_INFINITY,
    memoryBudget = defaultMemoryBudget,
    seeds = [0, 1, 2, 3, 4],
  } = options
  requireNumber('unmatchedCost', unmatchedCost)
  const { unmatchedQuantile = null } = options
  if (unmatchedQuantile !== null) {
    requireNumber('unmatchedQuantile', unmatchedQuantile)
    if (unmatchedQuantile > 1) throw wrongValue('unmatchedQuantile', 'a number from 0 to 1', unmatchedQuantile)
    if (options.unmatchedCost !== undefined)
      throw wrongValue('unmatchedCost', 'nothing beside unmatchedQuantile', unmatchedCost)
  }
  requireNumber('memoryBudget', memoryBudget)
  if (!Array.isArray(seeds) || seeds.length === 0) throw wrongType('seeds', 'an array of numbers', seeds)
  return {
    ...rowSettings(options),
    solver: oneOf('solver', options.solver ?? 'auto', ['auto', 'jv', 'shortlist', 'auction', 'greedy']),
    backend: options.backend ?? 'auto',
    unmatchedCost,
    unmatchedQuantile,
    source: oneOf('source', options.source ?? 'auto', ['auto', 'dense', 'implicit']),
    memoryBudget,
    baselines: oneOf('baselines', options.baselines ?? 'basic', ['basic', 'all', 'none']),
    verify: oneOf('verify', options.verify ?? 'full', ['full', 'shortlist']),
    seeds,
  }
}

/** The part of it that is about rows. @throws `INVALID_ARGUMENT` */
export function rowSettings({
  scale,
  sign,
  alignment,
  weights,
  unfoldable,
  dead,
}: Pick<MatchOptions, keyof RowSettings>): RowSettings {
  if (alignment !== undefined) requireAlignment(alignment)
  return {
    scale: scaleOf(scale ?? 'fold'),
    sign: oneOf('sign', sign ?? 'same', ['same', 'either']),
    alignment: alignment ?? null,
    weights: weightsOf(weights ?? 'all'),
    unfoldable: oneOf('unfoldable', unfoldable ?? 'exclude', ['exclude', 'median']),
    dead: deadOf(dead ?? [null, null]),
  }
}

/** `featureRows` checks the numbers. */
function deadOf(dead: DeadFeatures): DeadFeatures {
  if (!Array.isArray(dead) || dead.length !== 2) throw wrongType('dead', '[mask of A, mask of B]', dead)
  return dead
}

function scaleOf(scale: Exclude<MatchOptions['scale'], undefined>): MatchSettings['scale'] {
  if (typeof scale === 'string') return oneOf('scale', scale, ['fold', 'unit', 'none'] as const)
  if (!Array.isArray(scale?.stat) || scale.stat.length !== 2) {
    throw wrongType('scale', "'fold', 'unit', 'none' or { stat: [array for A, array for B] }", scale)
  }
  return scale
}

/** `featureRows` checks the numbers. */
function weightsOf(weights: Exclude<MatchOptions['weights'], undefined>): Weights {
  if (typeof weights === 'string') {
    return weightPresets[oneOf('weights', weights, Object.keys(weightPresets) as (keyof typeof weightPresets)[])]
  }
  if (weights === null || typeof weights !== 'object')
    throw wrongType('weights', 'numbers or the name of a preset', weights)
  rejectUnknownOptions(weights, Object.keys(weightPresets.all))
  return weights
}

function requireNumber(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= 0)) throw wrongValue(name, 'a number >= 0', value)
}
