import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { openNpz } from '../formats/npz.js'
import { loadSae } from '../matching/load.js'
import { hashFile, sha256 } from '../output/file-hash.js'
import { type InputRecord, type PairRecord, schemaVersion } from '../output/pair-files.js'
import type { Sae } from '../sae/sae.js'
import type { EvaluatedMatch } from './options.js'

/** A match in a run directory. */
export interface StoredMatch {
  /** `A--B.<hash8>` */
  readonly stem: string
  readonly record: PairRecord
  /** Its `.npz`. */
  readonly file: string
}

/**
 * The matches that `run.json` of a run directory lists.
 * @throws `RUN_INVALID`
 */
export async function readRun(path: string): Promise<StoredMatch[]> {
  const manifestFile = join(path, 'run.json')
  const manifest = (await readRecord(manifestFile)) as { readonly pairs?: readonly { readonly file?: unknown }[] }
  if (!Array.isArray(manifest.pairs)) throw invalid(manifestFile, 'expected a list of pairs')
  return Promise.all(
    manifest.pairs.map(async ({ file }) => {
      // names of a file never lead out of the folder
      const [, stem] = (typeof file === 'string' && /^pairs\/([^/\\]+)\.npz$/.exec(file)) || []
      if (stem === undefined) throw invalid(manifestFile, `expected pairs/NAME.npz, found ${file}`)
      const recordFile = join(path, 'pairs', `${stem}.json`)
      const record = (await readRecord(recordFile)) as PairRecord
      if (![record.a, record.b].every(isInput) || typeof record.npz?.sha256 !== 'string') {
        throw invalid(recordFile, 'expected two inputs and the npz of a match')
      }
      return { stem, record, file: join(path, 'pairs', `${stem}.npz`) }
    }),
  )
}

/**
 * The partners of a stored match and how it was made.
 * @throws `RUN_INVALID` where the `.npz` is not the one that was written; `FILE_NOT_FOUND`
 */
export async function readMatch({ record, file }: StoredMatch, signal?: AbortSignal): Promise<EvaluatedMatch> {
  const contents = await readFile(file).catch((cause) => {
    throw invalid(file, cause.message, cause)
  })
  if (sha256(contents) !== record.npz.sha256) throw invalid(file, `its contents are not those that the .json recorded`)
  const npz = await openNpz(file, signal)
  try {
    const { data } = await npz.read('a_to_b')
    if (!(data instanceof Int32Array)) throw invalid(file, 'expected a_to_b of int32')
    const { scale } = record.ran
    const { weights, unfoldable } = record.options
    return { aToB: data, provenance: { scale, weights, unfoldable: unfoldable as 'exclude' | 'median' } }
  } finally {
    await npz.close()
  }
}

/**
 * Loads an SAE that a run directory names, from where it lay then.
 * @param activationScale the factor on its activations that the user gave for the run
 * @throws `INPUT_CHANGED` where a file is another one now, and what `loadSae` throws; the reason of `signal`
 */
export async function openInput(
  { path, family, files }: InputRecord,
  activationScale: number | undefined,
  signal?: AbortSignal,
): Promise<Sae> {
  for (const recorded of files) {
    const found = await hashFile(recorded.path, signal && { signal })
    if (found.sha256 === recorded.sha256) continue
    const message = `${recorded.path}: expected sha256 ${recorded.sha256} as in the run directory, found ${found.sha256}`
    throw new SaeMatchError('INPUT_CHANGED', message, { hint: 'Match the checkpoints again.' })
  }
  // the path as it was typed may be relative to another folder; those of the files are absolute
  const named = files.find((file) => basename(file.path) === basename(path))?.path
  return loadSae(named ?? dirname(files[0].path), { format: family, activationScale, signal })
}

async function readRecord(file: string): Promise<{ readonly schemaVersion: number }> {
  let record: { readonly schemaVersion: number } | null
  try {
    record = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
  if (record?.schemaVersion === schemaVersion) return record
  throw invalid(file, `expected schema version ${schemaVersion}, found ${record?.schemaVersion}`)
}

function isInput(input: InputRecord | undefined): boolean {
  const files: unknown = input?.files
  return (
    typeof input?.name === 'string' &&
    typeof input.path === 'string' &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every((file) => typeof file?.path === 'string' && typeof file.sha256 === 'string')
  )
}

function invalid(file: string, message: string, cause?: unknown): SaeMatchError {
  return new SaeMatchError('RUN_INVALID', `${file}: ${message}`, { cause })
}
