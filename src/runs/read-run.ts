import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type JsonFields, jsonField, readJson } from '../formats/json.js'
import { sha256 } from '../output/file-hash.js'
import { canonicalJson } from '../output/json.js'
import { type PairRecord, schemaVersion } from '../output/pair-files.js'

/** An SAE of a run directory: the files of equal contents are one, whatever they are called. */
export interface RunInput {
  /** What it is called in messages and tables; no other SAE of the run is called so. */
  readonly name: string
  /** The short names that it bears in file names. */
  readonly aliases: readonly string[]
  /** As the user named it when it was matched. */
  readonly path: string
  /** The number of the layer in its model, null where it is unknown. */
  readonly layer: number | null
  readonly features: number
  /** A hash of the contents of its files, in hexadecimal. */
  readonly contents: string
}

/** A finished pair of a run directory. */
export interface RunPair {
  /** The `.npz`. */
  readonly file: string
  /** Of the `.npz`, as the `.json` beside it has it. */
  readonly sha256: string
  /** `A--B.<hash8>`: the file's name without its ending. */
  readonly stem: string
  /** The eight digits at its end, of inputs and options. */
  readonly hash: string
  readonly a: RunInput
  readonly b: RunInput
  /** What the user chose when it was matched. */
  readonly options: Readonly<Record<string, unknown>>
  /** The whole `.json`. What stands here under a name of its own was checked; the rest is there, as the file has it. */
  readonly record: PairRecord
}

/** A run directory, open for reading. */
export interface Run {
  readonly path: string
  /** By layer, then by name; those of unknown layer last. */
  readonly inputs: readonly RunInput[]
  /** In the order of their files' names. */
  readonly pairs: readonly RunPair[]
  /** Files beside the pairs that are no records of a pair, and why. */
  readonly passedOver: readonly { readonly file: string; readonly reason: string }[]
}

/** Which pairs of a run directory are taken. */
export interface ReadRunOptions {
  /**
   * Hashes of pairs, as at the end of their files' names: only pairs with the same options as one of these are taken.
   * Needed where a run holds the same pair twice, matched with different options.
   */
  readonly optionsOf?: readonly string[]
  readonly signal?: AbortSignal
}

/**
 * Reads which pairs a run directory holds; their arrays are read by `readStep`. A pair is finished once its
 * `.json` is there, so a directory that is being written to can be read.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND` where `path` is no run directory, `PAIR_MISSING` where it holds no finished
 * pair or none of a hash in `optionsOf`, the reason of `signal`
 */
export async function readRun(path: string, { optionsOf = [], signal }: ReadRunOptions = {}): Promise<Run> {
  const folder = join(path, 'pairs')
  const names = await readdir(folder).catch((cause) => {
    throw new SaeMatchError('FILE_NOT_FOUND', `${path} is not a run directory: it has no folder \`pairs\``, {
      hint: 'Name the folder that sae-match match or sae-match pairs wrote to.',
      cause,
    })
  })
  const records: CheckedRecord[] = []
  const passedOver: { file: string; reason: string }[] = []
  for (const name of names.sort()) {
    if (!name.endsWith('.json')) continue
    signal?.throwIfAborted()
    const file = join(folder, name)
    try {
      records.push(pairRecord(file, (await readJson(file)).fields))
    } catch (error) {
      if (!(error instanceof SaeMatchError)) throw error
      passedOver.push({ file, reason: error.message })
    }
  }
  if (records.length === 0) {
    const hint = passedOver.length === 0 ? undefined : `Passed over: ${passedOver[0].reason}.`
    throw new SaeMatchError('PAIR_MISSING', `${path} holds no finished pair`, { hint })
  }
  const inputs = runInputs(records.flatMap(({ a, b }) => [a, b]))
  const inputOf = new Map(inputs.map((input) => [input.contents, input]))
  const pairs = records.map(({ a, b, ...pair }) => ({
    ...pair,
    a: inputOf.get(a.contents)!,
    b: inputOf.get(b.contents)!,
  }))
  return { path, inputs, pairs: withOptionsOf(path, pairs, optionsOf), passedOver }
}

type CheckedInput = Omit<RunInput, 'name' | 'aliases'> & { readonly name: string }
type CheckedRecord = Omit<RunPair, 'a' | 'b'> & { readonly a: CheckedInput; readonly b: CheckedInput }

/** @throws `FORMAT_INVALID` for what is not the record of a pair in the schema that can be read */
function pairRecord(file: string, fields: JsonFields): CheckedRecord {
  const version = required(file, fields, 'number', 'schemaVersion')
  if (version !== schemaVersion) throw invalid(file, `schemaVersion ${schemaVersion}`, String(version))
  for (const name of ['ran', 'summary', 'distributions']) required(file, fields, 'object', name)
  const stem = basename(file, '.json')
  const [, hash] = /\.([0-9a-f]{8})$/.exec(stem) ?? []
  if (hash === undefined) throw invalid(file, 'a name that ends in .<hash>.json', basename(file))
  return {
    file: join(file, '..', `${stem}.npz`),
    sha256: required(file, required(file, fields, 'object', 'npz'), 'string', 'sha256'),
    stem,
    hash,
    a: checkedInput(file, required(file, fields, 'object', 'a')),
    b: checkedInput(file, required(file, fields, 'object', 'b')),
    options: Object.fromEntries(required(file, fields, 'object', 'options')),
    record: Object.fromEntries(fields) as unknown as PairRecord,
  }
}

function checkedInput(file: string, fields: JsonFields): CheckedInput {
  const found = fields.get('files')
  const files = (Array.isArray(found) ? found : []) as ({ readonly path?: unknown; readonly sha256?: unknown } | null)[]
  if (
    files.length === 0 ||
    files.some((entry) => typeof entry?.path !== 'string' || typeof entry.sha256 !== 'string')
  ) {
    throw invalid(file, 'the path and the sha256 of every file of an input', 'something else')
  }
  const hashes = files.map((entry) => entry!.sha256 as string)
  const features = required(file, fields, 'number', 'features')
  if (!Number.isSafeInteger(features) || features < 0) throw invalid(file, 'a number of features', String(features))
  return {
    name: required(file, fields, 'string', 'name'),
    path: required(file, fields, 'string', 'path'),
    layer: jsonField(file, fields, 'number', 'layer'),
    features,
    contents: hashes.length === 1 ? hashes[0] : sha256(hashes.sort().join()),
  }
}

function required<K extends Parameters<typeof jsonField>[2]>(
  file: string,
  fields: JsonFields,
  kind: K,
  name: string,
): NonNullable<ReturnType<typeof jsonField<K>>> {
  const value = jsonField(file, fields, kind, name)
  if (value === null) throw invalid(file, `"${name}"`, 'none')
  return value as NonNullable<typeof value>
}

function invalid(file: string, expected: string, found: string): SaeMatchError {
  return new SaeMatchError('FORMAT_INVALID', `${file}: expected ${expected}, found ${found}`)
}

/** One input for each contents, by the name it bears most often; part of the hash tells apart what is called alike. */
function runInputs(records: readonly CheckedInput[]): RunInput[] {
  const unique = [...new Map(records.map((record) => [record.contents, record])).values()].map((record) => {
    const names = records.filter(({ contents }) => contents === record.contents).map(({ name }) => name)
    const times = (name: string) => names.filter((other) => other === name).length
    const aliases = [...new Set(names)]
    return { ...record, aliases, name: aliases.toSorted((x, y) => times(y) - times(x))[0] }
  })
  const inputs = unique.map((input): RunInput => {
    const shared = unique.filter(({ name }) => name === input.name).length > 1
    return shared ? { ...input, name: `${input.name}@${input.contents.slice(0, 8)}` } : input
  })
  const place = ({ layer }: RunInput) => layer ?? Number.POSITIVE_INFINITY
  return inputs.sort((x, y) => (place(x) === place(y) ? (x.name < y.name ? -1 : 1) : place(x) - place(y)))
}

/** @throws `PAIR_MISSING` for a hash that no pair has */
function withOptionsOf(path: string, pairs: readonly RunPair[], hashes: readonly string[]): readonly RunPair[] {
  if (hashes.length === 0) return pairs
  const chosen = hashes.map((hash) => {
    const pair = pairs.find((candidate) => candidate.hash === hash)
    if (pair !== undefined) return canonicalJson(pair.options)
    const hint = `Its pairs are ${pairs.map(({ file }) => basename(file, '.npz')).join(', ')}.`
    throw new SaeMatchError('PAIR_MISSING', `${path} holds no pair with the hash ${hash}`, { hint })
  })
  return pairs.filter(({ options }) => chosen.includes(canonicalJson(options)))
}
