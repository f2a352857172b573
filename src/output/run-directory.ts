import { existsSync } from 'node:fs'
import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Match } from '../matching/result.js'
import { abandonedName, checkWritableDirectory, ensureDirectory, writeFileAtomically } from './atomic-file.js'
import { type CsvCell, encodeCsv } from './csv.js'
import { sha256 } from './file-hash.js'
import { canonicalJson, encodeJson } from './json.js'
import { encodeNpz } from './npz.js'
import {
  type InputRecord,
  type PairMilliseconds,
  type PairRecord,
  pairArrays,
  pairRecord,
  pairStem,
  type RunOptions,
  schemaVersion,
} from './pair-files.js'

/** A folder of results, open for writing. Pairs of other runs that are in it already stay. */
export interface RunDirectory {
  readonly path: string
  readonly options: RunOptions
  readonly packageVersion: string
  /** Whether the folder was there before the run. */
  readonly existed: boolean
}

/** A pair whose files are in a run directory. */
export interface StoredPair {
  /** The path of its `.json`. */
  readonly file: string
  readonly record: PairRecord
}

/** A pair that could not be matched, as `run.json` lists it. */
export interface FailedEntry {
  /** The short names of both inputs. */
  readonly a: string
  readonly b: string
  readonly options: RunOptions
  /** Of the error, as in docs/troubleshooting.md. */
  readonly code: string
  readonly message: string
}

/** What a run did, for {@link finishRunDirectory}. */
export interface RunOutcome {
  /** The names of the pairs that it worked on, failed ones included. */
  readonly tried: readonly Pick<FailedEntry, 'a' | 'b'>[]
  readonly failed: readonly FailedEntry[]
}

/** Opens a folder that may not be there yet. Nothing is made until there is something to keep. */
export function openRunDirectory(path: string, options: RunOptions, packageVersion: string): RunDirectory {
  return { path, options, packageVersion, existed: existsSync(path) }
}

/**
 * Makes sure that pairs can be written, before any work is done for them.
 *
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function checkRunDirectory({ path }: RunDirectory): Promise<void> {
  await checkWritableDirectory(pairsFolder(path))
}

/** The names of what a folder holds; none where there is no folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function pairsFolder(path: string): string {
  return join(path, 'pairs')
}

/**
 * Writes the files of one pair: the `.npz` first, then the `.json`, whose presence says that the pair is done.
 *
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function writePair(
  run: RunDirectory,
  match: Match,
  inputs: { readonly a: InputRecord; readonly b: InputRecord },
  milliseconds: () => PairMilliseconds,
): Promise<StoredPair> {
  const folder = pairsFolder(run.path)
  const stem = pairStem(inputs.a, inputs.b, run.options)
  await ensureDirectory(folder)
  const npz = encodeNpz(pairArrays(match))
  await writeFileAtomically(join(folder, `${stem}.npz`), npz)
  const reference = { file: `${stem}.npz`, sha256: sha256(npz) }
  const record = pairRecord(match, inputs, run.options, reference, run.packageVersion, milliseconds())
  const file = join(folder, `${stem}.json`)
  await writeFileAtomically(file, encodeJson(record))
  return { file, record }
}

/**
 * The pair of that name, if it is done: its `.json` is there, and its `.npz` is the one that the `.json` speaks of.
 *
 * @param stem as `pairStem` gives it, so inputs and options are the same
 */
export async function findPair({ path }: RunDirectory, stem: string): Promise<StoredPair | null> {
  const file = join(pairsFolder(path), `${stem}.json`)
  try {
    const record = readRecord(await readFile(file, 'utf8'))
    const npz = await readFile(join(pairsFolder(path), `${stem}.npz`))
    return record !== null && record.npz.sha256 === sha256(npz) ? { file, record } : null
  } catch {
    return null
  }
}

/** Removes what a run that was killed has begun of these pairs and not finished; another run may be at work on them. */
export async function removeLeftovers({ path }: RunDirectory, stems: readonly string[]): Promise<void> {
  const folder = pairsFolder(path)
  const ours = new Set(stems.flatMap((stem) => [`${stem}.npz`, `${stem}.json`]))
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    if (ours.has(abandonedName(path) ?? '')) await rm(path, { force: true })
  }
}

/**
 * Writes `run.json` and `summary.csv` from the pair files that are there. The options and what ran at the top are those
 * of the latest run, those of each pair stand beside it; inputs and pairs are those of every pair in the folder. Failures
 * of earlier runs stay listed until a later one makes them good. Where there is neither a pair nor a failure nothing is
 * written, and folders that the run made are removed.
 *
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function finishRunDirectory(run: RunDirectory, outcome: RunOutcome): Promise<void> {
  // a run beside this one may have finished while the lists were made: whoever writes last must have seen all
  for (let pass = 0; pass < mostPasses; pass++) {
    const before = await recordNames(run.path)
    await writeLists(run, outcome)
    if ((await recordNames(run.path)).join() === before.join()) return
  }
}

/** A run that goes on making pairs lists them itself at its end. */
const mostPasses = 5

async function writeLists(run: RunDirectory, outcome: RunOutcome): Promise<void> {
  const { path, options, packageVersion } = run
  const pairs = await readPairs(path)
  const failed = await allFailures(run, outcome, pairs)
  if (pairs.length === 0) {
    // an empty folder goes, anything else stays
    await rmdir(pairsFolder(path)).catch(() => {})
    if (failed.length === 0) {
      if (!run.existed) await rmdir(path).catch(() => {})
      return
    }
  }
  const latest = pairs.find((pair) => encodeJson(pair.options) === encodeJson(options))
  const manifest = {
    schemaVersion,
    package: { name: 'sae-match', version: packageVersion },
    inputs: [...new Map(pairs.flatMap(({ inputs }) => inputs)).values()],
    options,
    ran: latest?.ran ?? null,
    seeds: options.seeds,
    pairs: pairs.map(({ entry }) => entry),
    failed,
  }
  await ensureDirectory(path)
  await writeIfChanged(join(path, 'run.json'), encodeJson(manifest))
  const rows = pairs.map(({ row }) => row)
  await writeIfChanged(join(path, 'summary.csv'), encodeCsv(columns, rows))
}

/** A run that finds everything done asks for no permission to write. */
async function writeIfChanged(path: string, contents: string): Promise<void> {
  const there = await readFile(path, 'utf8').catch(() => null)
  if (there !== contents) await writeFileAtomically(path, contents)
}

/** The failures of this run and, of runs before it or beside it, those that nothing has made good yet. */
async function allFailures(
  { path, options }: RunDirectory,
  { tried, failed }: RunOutcome,
  pairs: readonly ListedPair[],
): Promise<FailedEntry[]> {
  const identity = ({ a, b, options }: Omit<FailedEntry, 'code' | 'message'>) => canonicalJson([a, b, options])
  const settled = new Set([
    ...tried.map(({ a, b }) => identity({ a, b, options })),
    ...pairs.map(({ entry }) => identity(entry)),
  ])
  const earlier = await readFailures(join(path, 'run.json'))
  return [...earlier.filter((entry) => !settled.has(identity(entry))), ...failed]
}

async function readFailures(manifest: string): Promise<FailedEntry[]> {
  try {
    const { failed } = JSON.parse(await readFile(manifest, 'utf8')) as { failed?: unknown }
    return Array.isArray(failed) ? failed.filter((entry) => typeof entry?.code === 'string') : []
  } catch {
    return []
  }
}

/** What `run.json` and `summary.csv` take from the record of a pair. */
interface ListedPair {
  readonly options: PairRecord['options']
  readonly ran: PairRecord['ran']
  /** Both inputs by name and contents. */
  readonly inputs: readonly (readonly [identity: string, input: InputRecord])[]
  /** In the list of `run.json`. */
  readonly entry: Pick<PairRecord, 'options' | 'ran'> & {
    readonly file: string
    readonly a: string
    readonly b: string
  }
  /** In `summary.csv`. */
  readonly row: readonly CsvCell[]
}

/** The names of the `.json` of pairs, ascending. */
async function recordNames(path: string): Promise<string[]> {
  return (await namesIn(pairsFolder(path))).filter((name) => name.endsWith('.json')).sort()
}

/** The pairs whose `.json` is there, by name. Files of another schema or of somebody else are passed over. */
async function readPairs(path: string): Promise<ListedPair[]> {
  const pairs: ListedPair[] = []
  for (const name of await recordNames(path)) {
    try {
      const record = readRecord(await readFile(join(pairsFolder(path), name), 'utf8'))
      if (record !== null) pairs.push(listedPair(name.slice(0, -'.json'.length), record))
    } catch {
      // not one of ours
    }
  }
  return pairs
}

/** The record of a pair, or null where it is of another schema. @throws what `JSON.parse` throws */
function readRecord(text: string): PairRecord | null {
  const record = JSON.parse(text) as PairRecord | null
  return record?.schemaVersion === schemaVersion ? record : null
}

/** @throws TypeError for a record of another shape */
function listedPair(stem: string, record: PairRecord): ListedPair {
  const { a, b, options, ran } = record
  const row = summaryRow(stem, record)
  const strange = row.findIndex((cell) => cell !== null && typeof cell !== 'number' && typeof cell !== 'string')
  if (strange >= 0 || typeof options !== 'object') throw new TypeError(`no ${columns[strange] ?? 'options'}`)
  return {
    options,
    ran,
    inputs: [a, b].map((input) => [[input.name, ...input.files.map((file) => file.sha256)].join(), input]),
    entry: { file: `pairs/${stem}.npz`, a: a.name, b: b.name, options, ran },
    row,
  }
}

const scoreColumns = ['total', 'decoder', 'encoder', 'bias'] as const
const methods = [
  'matched',
  'unfolded',
  'cosine',
  'identity',
  'random',
  'randomExpected',
  'nearest',
  'nearestBToA',
  'mutual',
] as const

/** Always the same columns, empty where a run did not compute them. */
const columns = [
  ...['schema_version', 'pair', 'a', 'b', 'layer_a', 'layer_b', 'n', 'm', 'matched'],
  ...['scale', 'solver', 'backend', 'source'],
  ...['cost', 'gap', 'rounding_bound', 'proof', 'optimal', 'mutual_share'],
  ...['cosine_decoder_p25', 'cosine_decoder_p50', 'cosine_decoder_p75'],
  ...methods.flatMap((method) => scoreColumns.map((score) => `${snakeCase(method)}_${score}`)),
  'milliseconds_total',
]

/** The cells of a pair in the order of {@link columns}. */
function summaryRow(stem: string, record: PairRecord): CsvCell[] {
  const { a, b, ran, certificate, summary, distributions, quantileLevels } = record
  const cosine = (level: number) => distributions.cosineDecoder.quantiles[quantileLevels.indexOf(level as 0.5)] ?? null
  return [
    ...[schemaVersion, stem, a.name, b.name, a.layer, b.layer, record.n, record.m, record.matched],
    ...[ran.scale, ran.solver, ran.backend, ran.source],
    ...[record.cost, certificate.gap, certificate.roundingBound, certificate.proof, String(certificate.optimal)],
    ...[summary.mutualShare ?? null, cosine(0.25), cosine(0.5), cosine(0.75)],
    ...methods.flatMap((method) => scoreColumns.map((score) => summary[method]?.[score] ?? null)),
    record.milliseconds.total,
  ]
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
