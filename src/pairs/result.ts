import type { BackendName, Progress } from '../backend/backend.js'
import type { ErrorCode, SaeMatchError } from '../errors.js'
import type { StoredPair } from '../output/run-directory.js'

/** A pair whose files are in the run directory. */
export interface PairResult extends StoredPair {
  /** Whether they were there before this run. */
  readonly reused: boolean
}

/** A pair that could not be matched. */
export interface FailedPair {
  /** The short name of A. */
  readonly a: string
  /** The short name of B. */
  readonly b: string
  readonly layerA: number | null
  readonly layerB: number | null
  readonly code: ErrorCode
  readonly message: string
  readonly error: SaeMatchError
}

/** What a run of many pairs made. Arrays stay in the files: all of them together may be more than memory holds. */
export interface PairsRun {
  /** What was chosen at the start; what ran in the end, each pair says. */
  readonly backend: BackendName
  /** The run directory. */
  readonly out: string
  /** In the order of the plan, whatever the order of the work. */
  readonly pairs: readonly PairResult[]
  readonly failed: readonly FailedPair[]
  /** What a user should know about the choice of pairs, one sentence each. */
  readonly notes: readonly string[]
}

/** How far a run is: a phase of one pair, and the pairs. */
export interface PairsProgress extends Progress {
  /** The short names of the pair that `phase` is about. */
  readonly a: string
  readonly b: string
  /** Pairs that are finished or failed, those of earlier runs included. */
  readonly pairsDone: number
  readonly pairsTotal: number
  /** Estimated from the pairs that this run has finished; null before the first. */
  readonly millisecondsLeft: number | null
}
