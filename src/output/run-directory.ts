import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Match } from '../matching/result.js'
import { ensureWritableDirectory, writeFileAtomically } from './atomic-file.js'
import { type CsvCell, encodeCsv } from './csv.js'
import { sha256 } from './file-hash.js'
import { encodeJson } from './json.js'
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
}

/**
 * Creates the folder, or opens it, and makes sure that it can be written to before any work is done.
 *
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function openRunDirectory(
  path: string,
  options: RunOptions,
  packageVersion: string,
): Promise<RunDirectory> {
  await ensureWritableDirectory(join(path, 'pairs'))
  return { path, options, packageVersion }
}

/**
 * Writes the files of one pair: the `.npz` first, then the `.json`, whose presence says that the pair is done.
 *
 * @returns the path of the `.json`
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function writePair(
  run: RunDirectory,
  match: Match,
  inputs: { readonly a: InputRecord; readonly b: InputRecord },
  milliseconds: () => PairMilliseconds,
): Promise<string> {
  const stem = pairStem(inputs.a, inputs.b, run.options)
  const npz = encodeNpz(pairArrays(match))
  await writeFileAtomically(join(run.path, 'pairs', `${stem}.npz`), npz)
  const reference = { file: `${stem}.npz`, sha256: sha256(npz) }
  const record = pairRecord(match, inputs, run.options, reference, run.packageVersion, milliseconds())
  const path = join(run.path, 'pairs', `${stem}.json`)
  await writeFileAtomically(path, encodeJson(record))
  return path
}

/**
 * Writes `run.json` and `summary.csv` from the pair files that are there. The options and what ran at the top are those
 * of the latest run, those of each pair stand beside it; inputs and pairs are those of every pair in the folder.
 *
 * @throws SaeMatchError `OUTPUT_FAILED`
 */
export async function finishRunDirectory({ path, options, packageVersion }: RunDirectory): Promise<void> {
  const pairs = await readPairs(path)
  const latest = pairs.find((pair) => encodeJson(pair.options) === encodeJson(options))
  const manifest = {
    schemaVersion,
    package: { name: 'sae-match', version: packageVersion },
    inputs: [...new Map(pairs.flatMap(({ inputs }) => inputs)).values()],
    options,
    ran: latest?.ran ?? null,
    seeds: options.seeds,
    pairs: pairs.map(({ entry }) => entry),
  }
  await writeFileAtomically(join(path, 'run.json'), encodeJson(manifest))
  await writeFileAtomically(
    join(path, 'summary.csv'),
    encodeCsv(
      columns,
      pairs.map(({ row }) => row),
    ),
  )
}

/** What `run.json` and `summary.csv` take from the record of a pair. */
interface StoredPair {
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

/** The pairs whose `.json` is there, by name. Files of another schema or of somebody else are passed over. */
async function readPairs(path: string): Promise<StoredPair[]> {
  const folder = join(path, 'pairs')
  const pairs: StoredPair[] = []
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith('.json')) continue
    try {
      const record = JSON.parse(await readFile(join(folder, name), 'utf8')) as PairRecord
      if (record.schemaVersion === schemaVersion) pairs.push(storedPair(name.slice(0, -'.json'.length), record))
    } catch {
      // not one of ours
    }
  }
  return pairs
}

/** @throws TypeError for a record of another shape */
function storedPair(stem: string, record: PairRecord): StoredPair {
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
