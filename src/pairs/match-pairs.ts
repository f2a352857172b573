import { SaeMatchError, wrongType } from '../errors.js'
import { loadSae } from '../matching/load.js'
import { match } from '../matching/match.js'
import { hashFile } from '../output/file-hash.js'
import { type InputRecord, inputRecord, type PairMilliseconds } from '../output/pair-files.js'
import {
  checkRunDirectory,
  finishRunDirectory,
  removeLeftovers,
  type StoredPair,
  writePair,
} from '../output/run-directory.js'
import type { Sae } from '../sae/sae.js'
import { createEstimate } from './estimate.js'
import { type MatchPairsOptions, type PairsSettings, pairsSettings } from './options.js'
import { orderPairs, pairsAtOnce, pairsAtOnceOnGpus } from './plan.js'
import { type PlannedPair, type PlannedSae, type PreparedRun, prepareRun } from './prepare.js'
import type { FailedPair, PairResult, PairsRun } from './result.js'
import { shareSae } from './share-sae.js'
import { createStore, type Store } from './store.js'

/**
 * Matches the SAEs of folders pair by pair, and writes each pair to a run directory as soon as it is done (docs/runs.md).
 * SAEs are loaded once where memory allows. A pair whose files are there already, of the same inputs and options, is not
 * done again, so a run that was stopped or killed goes on where it was. A pair that fails does not keep the others from
 * being finished.
 *
 * @param paths checkpoints, and folders below which all checkpoints are taken
 * @throws SaeMatchError `OUTPUT_FAILED` as soon as a file cannot be written; `DEVICE_LOST` with backend `cuda` once nothing
 *   works on GPUs any more; `FILE_NOT_FOUND`, `FORMAT_UNKNOWN` or
 *   `NOT_COMPARABLE` where there is nothing to match; `UNKNOWN_OPTION` and the codes of backends; TypeError or RangeError
 *   `INVALID_ARGUMENT`; the reason of `signal`. Pairs that were finished stay, listed in `run.json` and `summary.csv`.
 */
export async function matchPairs(
  paths: string | readonly string[],
  options: MatchPairsOptions = {},
): Promise<PairsRun> {
  const list = typeof paths === 'string' ? [paths] : paths
  const named = Array.isArray(list) && list.every((path) => typeof path === 'string')
  if (!named) throw wrongType('paths', 'a path or an array of paths', paths)
  const run = await prepareRun(list, pairsSettings(options), options.signal)
  return await executeRun(run, options)
}

/** What a caller wants to be told. */
type Callbacks = Pick<MatchPairsOptions, 'signal' | 'onProgress' | 'onPair' | 'onFailure'>

/** The pairs of a prepared run that are not done yet. */
export async function executeRun(run: PreparedRun, callbacks: Callbacks): Promise<PairsRun> {
  const { settings, directory, saes, pairs } = run
  const results = new Map<PlannedPair, PairResult>()
  const failures = new Map<PlannedPair, FailedPair>()
  const keep = (pair: PlannedPair, stored: StoredPair, reused: boolean) => {
    const result = { ...stored, reused }
    results.set(pair, result)
    callbacks.onPair?.(result)
  }
  const outcome = () => ({
    pairs: pairs.flatMap((pair) => results.get(pair) ?? []),
    failed: pairs.flatMap((pair) => failures.get(pair) ?? []),
  })
  const finish = () => {
    const { failed } = outcome()
    const { options } = directory
    const tried = [...failures.keys(), ...results.keys()].map(({ a, b }) => ({ a: saes[a].name, b: saes[b].name }))
    const listed = failed.map(({ a, b, code, message }) => ({ a, b, options, code, message }))
    return finishRunDirectory(directory, { tried, failed: listed })
  }

  for (const pair of pairs) if (pair.done !== null) keep(pair, pair.done, true)
  const left = pairs.filter(({ done }) => done === null)
  if (left.length > 0) await checkRunDirectory(directory)
  await removeLeftovers(
    directory,
    left.flatMap(({ stems }) => stems),
  )
  const todo = orderPairs(
    left,
    saes.map(({ bytes }) => bytes),
    settings.saeMemory,
  )
  try {
    await matchAll(run, todo, callbacks, {
      made: (pair, stored) => keep(pair, stored, false),
      failed: (pair, error) => {
        const failure = failedPair(saes[pair.a], saes[pair.b], error)
        failures.set(pair, failure)
        callbacks.onFailure?.(failure)
      },
    })
  } catch (error) {
    // what stopped the run, e.g. a full disk, says more than what it does to the summary
    await finish().catch(() => {})
    throw error
  }
  await finish()
  return { backend: run.info.active, out: settings.out, ...outcome(), notes: run.notes }
}

/** What became of a pair. */
interface Outcomes {
  readonly made: (pair: PlannedPair, stored: StoredPair) => void
  readonly failed: (pair: PlannedPair, error: SaeMatchError) => void
}

/** Several pairs at once. An error that is not about a single pair stops them all. */
async function matchAll(
  run: PreparedRun,
  todo: readonly PlannedPair[],
  { signal, onProgress }: Callbacks,
  outcomes: Outcomes,
): Promise<void> {
  const { settings, saes, pairs } = run
  const stop = new AbortController()
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const store = saeStore(run, todo, either)
  const entries = todo.map(({ a, b }) => entriesOf(saes[a], saes[b]))
  const estimate = createEstimate(pairs.length, entries)
  const matchNext = async (place: number) => {
    const pair = todo[place]
    const [a, b] = [saes[pair.a].name, saes[pair.b].name]
    const tell = (phase: string, done: number, total: number) =>
      onProgress?.({ a, b, phase, done, total, ...estimate.now() })
    either.throwIfAborted()
    estimate.begun(place)
    tell('load', 0, 1)
    const outcome = await matchPair(pair, run, store, either, tell).catch((error: unknown) => {
      either.throwIfAborted()
      if (settings.stopAtFailure || !isAboutThePair(error)) throw error
      return error
    })
    if (outcome instanceof SaeMatchError) {
      estimate.failed(place)
      outcomes.failed(pair, outcome)
    } else {
      estimate.finished(place)
      outcomes.made(pair, outcome)
    }
    tell('write', 1, 1)
  }
  let next = 0
  const work = async () => {
    try {
      while (next < todo.length) await matchNext(next++)
    } catch (error) {
      stop.abort(error)
    }
  }
  // all end in order before the first error is thrown
  await Promise.all(Array.from({ length: Math.min(inFlight(run, todo, entries), todo.length) }, work))
  stop.signal.throwIfAborted()
}

/** How many pairs are computed at once. */
function inFlight({ settings, info, saes }: PreparedRun, todo: readonly PlannedPair[], entries: readonly number[]) {
  if (settings.inFlight !== null) return settings.inFlight
  if (info.active !== 'cuda') return pairsAtOnce(entries, settings.matchSettings.memoryBudget)
  const bytes = saes.map((sae) => sae.bytes)
  return pairsAtOnceOnGpus(todo, bytes, { threads: info.threads, memory: settings.saeMemory })
}

interface LoadedSae {
  readonly sae: Sae
  readonly record: InputRecord
}

async function matchPair(
  pair: PlannedPair,
  { directory, settings }: PreparedRun,
  store: Store<LoadedSae>,
  signal: AbortSignal,
  tell: (phase: string, done: number, total: number) => void,
): Promise<StoredPair> {
  const start = performance.now()
  const keys = sidesOf(pair, settings)
  const loading = keys.map((key) => store.take(key))
  try {
    const [a, b] = await Promise.all(loading)
    const load = performance.now() - start
    const result = await match(a.sae, b.sae, {
      ...settings.match,
      signal,
      onProgress: ({ phase, done, total }) => tell(phase, done, total),
    })
    const { fold, cost, solve, verify } = result.milliseconds
    const matched = performance.now()
    const milliseconds = (): PairMilliseconds => {
      const now = performance.now()
      return { load, fold, cost, solve, verify, write: now - matched, total: now - start }
    }
    // `auto` may have gone over to another backend: what ran names the files
    const options = { ...directory.options, backend: result.provenance.backend }
    return await writePair({ ...directory, options }, result, { a: a.record, b: b.record }, milliseconds)
  } finally {
    for (const key of keys) store.release(key)
  }
}

/** Every SAE once for each factor on its activations. */
function saeStore({ saes, settings }: PreparedRun, todo: readonly PlannedPair[], signal: AbortSignal) {
  const { format, activationScales, match } = settings
  const load = async (key: string): Promise<LoadedSae> => {
    const [place, side] = JSON.parse(key) as [number, number | null]
    const { path, name, error } = saes[place]
    if (error !== null) throw error
    const activationScale = side === null ? undefined : activationScales?.[side]
    const sae = shareSae(await loadSae(path, { backend: match.backend, format, activationScale, signal }))
    const files = await Promise.all(sae.source.files.map((file) => hashFile(file.path, { signal })))
    return { sae, record: inputRecord(name, sae, files) }
  }
  return createStore(
    todo.flatMap((pair) => sidesOf(pair, settings)),
    load,
    (key) => saes[(JSON.parse(key) as [number])[0]].bytes,
    settings.saeMemory,
  )
}

/** The keys under which the two SAEs of a pair are held: the place, and the side where sides have factors of their own. */
function sidesOf({ a, b }: PlannedPair, { activationScales }: PairsSettings): [string, string] {
  const side = (number: number) => (activationScales === null ? null : number)
  return [JSON.stringify([a, side(0)]), JSON.stringify([b, side(1)])]
}

/** What a pair asks for, in any unit: entries of its cost matrix. */
function entriesOf(a: PlannedSae, b: PlannedSae): number {
  return (a.header?.features ?? 0) * (b.header?.features ?? 0)
}

/** A damaged file or an impossible pair says nothing about the others; a full disk, a lost GPU or a bug does. */
function isAboutThePair(error: unknown): error is SaeMatchError {
  return (
    error instanceof SaeMatchError && !['OUTPUT_FAILED', 'DEVICE_LOST', 'CANCELLED', 'INTERNAL'].includes(error.code)
  )
}

function failedPair(a: PlannedSae, b: PlannedSae, error: SaeMatchError): FailedPair {
  const { code, message } = error
  return { a: a.name, b: b.name, layerA: a.layer, layerB: b.layer, code, message, error }
}
