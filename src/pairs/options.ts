import type { BackendInfo } from '../backend/info.js'
import { wrongType, wrongValue } from '../errors.js'
import { type MatchOptions, type MatchSettings, matchSettings } from '../matching/options.js'
import { sha256 } from '../output/file-hash.js'
import type { RunOptions } from '../output/pair-files.js'
import { integer, oneOf } from '../validate.js'
import type { Shard } from './plan.js'
import type { FailedPair, PairResult, PairsProgress } from './result.js'

/** Two SAEs that the caller names: by a path, or by the short name of one that was found. */
export interface ListedPair {
  readonly a: string
  readonly b: string
  /** Where this stands, for messages: `pairs.txt:3`. */
  readonly where?: string | undefined
}

/** Options of `matchPairs`: those of `match`, and what a run of many pairs needs. */
export interface MatchPairsOptions extends Omit<MatchOptions, 'onProgress'> {
  /**
   * Which pairs: those of neighbouring layers, all that may be compared, or a list. Default `adjacent`. In a pair of one
   * of the first two, A is the SAE of the lower layer.
   */
  readonly pairs?: 'adjacent' | 'all' | readonly ListedPair[] | undefined
  /** The run directory. Default `sae-match-run`. */
  readonly out?: string | undefined
  /** The checkpoint family; by default the names of the files decide. */
  readonly format?: string | undefined
  /** The factors on the activations of A and B, where checkpoints scale them and do not say by how much. */
  readonly activationScales?: readonly [number, number] | null | undefined
  /** Only one part of the pairs: all parts together, on any machines, are the whole run. */
  readonly shard?: Shard | undefined
  /**
   * Pairs that are computed at once; each may take `memoryBudget`. Default 2 where the costs of any two fit into one
   * `memoryBudget`, else 1; on GPUs one more than there are threads, as far as `saeMemory` holds the SAEs of so many.
   */
  readonly inFlight?: number | undefined
  /** Bytes that loaded SAEs may take; those of the pairs in flight are held in any case. Default half of what is free, 4e9 at least. */
  readonly saeMemory?: number | undefined
  /** Whether pairs that are in the run directory already, of the same inputs and options, are left as they are. Default true. */
  readonly resume?: boolean | undefined
  /** Whether the first pair that fails ends the run with its error. Default false: the others are finished. */
  readonly stopAtFailure?: boolean | undefined
  /** Called on the way: when a pair begins, through its phases, and when it has ended. */
  readonly onProgress?: ((progress: PairsProgress) => void) | undefined
  /** Called for every pair whose files are there: at once for those that were there before. */
  readonly onPair?: ((pair: PairResult) => void) | undefined
  readonly onFailure?: ((failure: FailedPair) => void) | undefined
}

/** {@link MatchPairsOptions} with every default in its place. */
export interface PairsSettings {
  readonly pairs: 'adjacent' | 'all' | readonly ListedPair[]
  readonly out: string
  readonly format: string | undefined
  readonly activationScales: readonly [number, number] | null
  readonly shard: Shard
  /** Null where the sizes of the pairs decide. */
  readonly inFlight: number | null
  readonly saeMemory: number
  readonly resume: boolean
  readonly stopAtFailure: boolean
  /** What `match` is called with, but for signal and progress. */
  readonly match: MatchOptions
  /** The same with defaults. */
  readonly matchSettings: MatchSettings
}

/**
 * Bytes that loaded SAEs may take unless the caller says otherwise. They change how often SAEs are loaded and nothing in
 * the results, so a large machine may take more.
 */
export function defaultSaeMemory(): number {
  return Math.max(4e9, process.availableMemory() / 2)
}

/**
 * Checks the options of a run and puts defaults in place.
 *
 * @throws `INVALID_ARGUMENT`, `UNKNOWN_OPTION`
 */
export function pairsSettings(options: MatchPairsOptions): PairsSettings {
  if (options === null || typeof options !== 'object') throw wrongType('options', 'an object', options)
  const {
    pairs = 'adjacent',
    out = 'sae-match-run',
    format,
    activationScales = null,
    shard = { index: 1, count: 1 },
    inFlight = null,
    saeMemory = defaultSaeMemory(),
    resume = true,
    stopAtFailure = false,
    onProgress: _progress,
    onPair: _pair,
    onFailure: _failure,
    signal: _signal,
    ...match
  } = options
  if (typeof out !== 'string' || out === '') throw wrongType('out', 'the path of a folder', out)
  requireShard(shard)
  if (inFlight !== null && integer('inFlight', inFlight) === 0)
    throw wrongValue('inFlight', 'an integer >= 1', inFlight)
  if (!(typeof saeMemory === 'number' && saeMemory >= 0)) throw wrongValue('saeMemory', 'a number >= 0', saeMemory)
  return {
    pairs: requirePairs(pairs),
    out,
    format,
    activationScales,
    shard,
    inFlight,
    saeMemory,
    resume,
    stopAtFailure,
    match,
    matchSettings: matchSettings(match),
  }
}

function requirePairs(pairs: PairsSettings['pairs']): PairsSettings['pairs'] {
  if (!Array.isArray(pairs)) return oneOf('pairs', pairs, ['adjacent', 'all'] as const)
  for (const pair of pairs as Partial<ListedPair>[]) {
    const named = typeof pair?.a === 'string' && typeof pair.b === 'string'
    if (!named) throw wrongType('pairs', "'adjacent', 'all' or an array of { a: path, b: path }", pair)
  }
  return pairs
}

function requireShard({ index, count }: Shard): void {
  integer('shard.count', count)
  integer('shard.index', index)
  if (index < 1 || index > count) throw wrongValue('shard.index', `an integer from 1 to ${count}`, index)
}

/** Refuses numbers that are about two SAEs where there are more. @throws `INVALID_ARGUMENT` */
export function requireOnePair({ scale, alignment, dead }: MatchSettings, pairs: number): void {
  if (pairs === 1) return
  if (typeof scale !== 'string') throw wrongType('scale', "'fold', 'unit' or 'none' for several pairs", scale)
  if (alignment !== null) throw wrongType('alignment', 'none for several pairs', alignment)
  if (dead.some((mask) => mask !== null)) throw wrongType('dead', 'none for several pairs', dead)
}

/** The options as files record them. `auto` has become the backend that runs. */
export function recordedOptions({ matchSettings, activationScales }: PairsSettings, info: BackendInfo): RunOptions {
  const { scale, sign, alignment, dead, unmatchedCost, unmatchedQuantile, ...settings } = matchSettings
  // the files of a pair are named by a hash of its options: arrays are in it by theirs
  const hash = (numbers: Float32Array | Float64Array | Uint8Array) =>
    sha256(new Uint8Array(Float64Array.from(numbers).buffer))
  const none = new Uint8Array()
  return {
    ...settings,
    ...(sign !== 'same' && { sign }),
    ...(alignment !== null && { alignment: hash(alignment) }),
    ...(dead.some((mask) => mask !== null) && { dead: [hash(dead[0] ?? none), hash(dead[1] ?? none)] as const }),
    ...(typeof scale !== 'string' && { scales: [hash(scale.stat[0]), hash(scale.stat[1])] as const }),
    ...(unmatchedQuantile !== null && { unmatchedQuantile }),
    scale: typeof scale === 'string' ? scale : 'stat',
    unmatchedCost: Number.isFinite(unmatchedCost) ? unmatchedCost : null,
    backend: info.active,
    activationScale: activationScales,
  }
}
