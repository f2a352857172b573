import type { BackendInfo } from '../backend/info.js'
import { type LoadOptions, loadSae } from '../matching/load.js'
import { match } from '../matching/match.js'
import { type MatchOptions, matchSettings } from '../matching/options.js'
import type { Match } from '../matching/result.js'
import { hashFile } from '../output/file-hash.js'
import { type InputRecord, inputRecord, type PairMilliseconds, type RunOptions } from '../output/pair-files.js'
import { finishRunDirectory, openRunDirectory, type RunDirectory, writePair } from '../output/run-directory.js'
import { shortNames } from '../output/short-names.js'
import type { Sae } from '../sae/sae.js'
import type { CommandContext } from './command.js'
import type { ProgressDisplay } from './progress.js'

/** Two checkpoints to match, as the user named them. */
export interface PairPlan {
  readonly a: string
  readonly b: string
}

/** A match that was made and written. */
export interface PairOutcome {
  readonly a: InputRecord
  readonly b: InputRecord
  readonly match: Match
  readonly milliseconds: PairMilliseconds
  /** The `.json` of the pair. */
  readonly file: string
}

export interface RunPlan {
  readonly pairs: readonly PairPlan[]
  readonly out: string
  readonly format: string | undefined
  /** The factors on the activations of A and B, where the user knows them. */
  readonly activationScales: readonly [number, number] | null
  readonly options: MatchOptions
  readonly info: BackendInfo
}

/**
 * Matches pairs one after the other, writes each as soon as it is done, and reports it. What was written before an
 * error or an interruption stays, listed in `run.json` and `summary.csv`.
 */
export async function runPairs(
  plan: RunPlan,
  { signal }: CommandContext,
  progress: ProgressDisplay,
  report: (outcome: PairOutcome) => void,
): Promise<PairOutcome[]> {
  const run = await openRunDirectory(plan.out, runOptions(plan), plan.info.version)
  const names = nameInputs(plan.pairs)
  const open = new Map<string, Promise<OpenSae>>()
  const outcomes: PairOutcome[] = []
  try {
    for (const [index, pair] of plan.pairs.entries()) {
      signal.throwIfAborted()
      progress.begin(`${names.get(pair.a)} → ${names.get(pair.b)}`)
      const outcome = await runPair(pair, plan, run, names, open, signal, progress)
      outcomes.push(outcome)
      progress.clear()
      report(outcome)
      forget(open, plan, plan.pairs.slice(index + 1))
    }
  } finally {
    progress.clear()
    if (outcomes.length > 0) await finishRunDirectory(run)
  }
  return outcomes
}

interface OpenSae {
  readonly sae: Sae
  readonly record: InputRecord
}

async function runPair(
  pair: PairPlan,
  plan: RunPlan,
  run: RunDirectory,
  names: ReadonlyMap<string, string>,
  open: Map<string, Promise<OpenSae>>,
  signal: AbortSignal,
  progress: ProgressDisplay,
): Promise<PairOutcome> {
  const start = performance.now()
  const { format, options } = plan
  const sides: OpenSae[] = []
  for (const { key, path, activationScale } of sidesOf(pair, plan)) {
    let loading = open.get(key)
    if (loading === undefined) {
      loading = openSae(path, names.get(path)!, { backend: options.backend, format, activationScale, signal })
      open.set(key, loading)
    }
    sides.push(await loading)
  }
  const [a, b] = sides
  const load = performance.now() - start

  const result = await match(a.sae, b.sae, { ...options, signal, onProgress: progress.update })
  const { fold, cost, solve, verify } = result.milliseconds
  const matched = performance.now()
  const milliseconds = (): PairMilliseconds => {
    const now = performance.now()
    return { load, fold, cost, solve, verify, write: now - matched, total: now - start }
  }
  const file = await writePair(run, result, { a: a.record, b: b.record }, milliseconds)
  return { a: a.record, b: b.record, match: result, milliseconds: milliseconds(), file }
}

async function openSae(
  path: string,
  name: string,
  options: LoadOptions & { readonly signal: AbortSignal },
): Promise<OpenSae> {
  const sae = await loadSae(path, options)
  const files = await Promise.all(sae.source.files.map((file) => hashFile(file.path, { signal: options.signal })))
  return { sae, record: inputRecord(name, sae, files) }
}

/** What is loaded for each side of a pair; equal keys stand for the same SAE. */
function sidesOf({ a, b }: PairPlan, { activationScales }: RunPlan) {
  return [a, b].map((path, side) => {
    const activationScale = activationScales?.[side]
    return { key: JSON.stringify([path, activationScale]), path, activationScale }
  })
}

/** Lets go of the SAEs that no later pair needs. */
function forget(open: Map<string, unknown>, plan: RunPlan, later: readonly PairPlan[]): void {
  const needed = new Set(later.flatMap((pair) => sidesOf(pair, plan).map(({ key }) => key)))
  for (const key of open.keys()) if (!needed.has(key)) open.delete(key)
}

function nameInputs(pairs: readonly PairPlan[]): Map<string, string> {
  const paths = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))]
  return new Map(shortNames(paths).map((name, i) => [paths[i], name]))
}

/** The settings as files record them. `auto` has become the backend that runs. */
function runOptions({ options, activationScales, info }: RunPlan): RunOptions {
  const { scale, unmatchedCost, ...settings } = matchSettings(options)
  return {
    ...settings,
    scale: typeof scale === 'string' ? scale : 'stat',
    unmatchedCost: Number.isFinite(unmatchedCost) ? unmatchedCost : null,
    backend: info.active,
    activationScale: activationScales,
  }
}
