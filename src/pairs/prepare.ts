import { resolve } from 'node:path'
import type { BackendName } from '../backend/backend.js'
import { type BackendInfo, backendInfo } from '../backend/info.js'
import { SaeMatchError, wrongValue } from '../errors.js'
import { locate } from '../formats/detect.js'
import { resolveSae, resolveSaes } from '../hub/resolve.js'
import { type HashedFile, hashFile } from '../output/file-hash.js'
import { pairStem } from '../output/pair-files.js'
import { findPair, openRunDirectory, type RunDirectory, type StoredPair } from '../output/run-directory.js'
import { shortNames } from '../output/short-names.js'
import { describeSae, discoverSaes, type FoundSae } from './discover.js'
import { type ListedPair, type PairsSettings, recordedOptions, requireOnePair } from './options.js'
import { shardOf } from './plan.js'
import { adjacentPairs, allPairs, type PairOfSaes } from './select.js'

/** An SAE of a run. */
export interface PlannedSae extends FoundSae {
  /** The short name that files bear. */
  readonly name: string
  /** What is in its files; null where they could not be read, or are not asked for. */
  readonly files: readonly HashedFile[] | null
  /** What it takes in memory, about. */
  readonly bytes: number
}

/** A pair of a run: places in its list of SAEs, and whether there is anything left to do. */
export interface PlannedPair extends PairOfSaes {
  /** What its files are called, by the backend that makes them; none where an input could not be read. */
  readonly stems: readonly string[]
  /** Its files, where they are there already. */
  readonly done: StoredPair | null
}

/** Everything that is known about a run before a tensor is read. */
export interface PreparedRun {
  readonly settings: PairsSettings
  readonly info: BackendInfo
  readonly directory: RunDirectory
  readonly saes: readonly PlannedSae[]
  readonly pairs: readonly PlannedPair[]
  readonly notes: readonly string[]
}

/**
 * Finds the SAEs, chooses the pairs, and looks up which of them are done. Reads headers and hashes files.
 *
 * @throws what `matchPairs` throws before its first pair
 */
export async function prepareRun(
  paths: readonly string[],
  settings: PairsSettings,
  signal: AbortSignal | undefined,
): Promise<PreparedRun> {
  const info = backendInfo(settings.match.backend)
  const directory = openRunDirectory(settings.out, recordedOptions(settings, info), info.version)
  const local: string[] = []
  for (const path of paths) local.push(...(await resolveSaes(path, { signal })))
  const { saes, pairs, notes } = await choosePairs(local, settings, signal)
  requireOnePair(settings.matchSettings, pairs.length)
  const own = shardOf(pairs, settings.shard)
  const needed = new Set(own.flatMap(({ a, b }) => [a, b]))
  const names = shortNames(saes.map(({ path }) => path))
  const planned: PlannedSae[] = []
  for (const [place, sae] of saes.entries()) {
    const hashed = needed.has(place) ? await hashSae(sae, signal) : { files: null, bytes: 0 }
    planned.push({ ...sae, ...hashed, name: names[place] })
  }
  const lookUp = async ({ a, b }: PairOfSaes): Promise<PlannedPair> => {
    const [first, second] = [planned[a], planned[b]]
    if (first.files === null || second.files === null) return { a, b, stems: [], done: null }
    const named = ({ name, files }: PlannedSae) => ({ name, files: files! })
    const stems = backendsThatCount(info).map((backend) =>
      pairStem(named(first), named(second), { ...directory.options, backend }),
    )
    let done: StoredPair | null = null
    for (const stem of settings.resume ? stems : []) done ??= await findPair(directory, stem)
    return { a, b, stems, done }
  }
  const looked: PlannedPair[] = []
  for (const pair of own) looked.push(await lookUp(pair))
  return { settings, info, directory, saes: planned, pairs: looked, notes: notes(names) }
}

/** The backends whose results are those of this run: what `auto` had to do again on the CPU is done. */
function backendsThatCount({ requested, active }: BackendInfo): BackendName[] {
  return requested === 'auto' && active === 'cuda' ? ['cuda', 'native'] : [active]
}

interface Choice {
  readonly saes: readonly FoundSae[]
  readonly pairs: readonly PairOfSaes[]
  /** Given the short names of the SAEs. */
  readonly notes: (names: readonly string[]) => string[]
}

async function choosePairs(
  paths: readonly string[],
  { pairs, format, matchSettings }: PairsSettings,
  signal: AbortSignal | undefined,
): Promise<Choice> {
  const found = await discoverSaes(paths, { format, signal })
  if (typeof pairs !== 'string') return listPairs(pairs, found, paths, { format, signal })
  if (paths.length === 0) throw wrongValue('paths', 'at least one folder of SAEs', paths)
  const chosen = (pairs === 'all' ? allPairs : adjacentPairs)(found, matchSettings.weights)
  if (chosen.length === 0) throw noPairs(paths, found, pairs)
  const paired = new Set(chosen.flatMap(({ a, b }) => [a, b]))
  return {
    saes: found,
    pairs: chosen,
    notes: (names) => {
      const alone = found.flatMap((sae, place) => (paired.has(place) ? [] : [`${names[place]} (${placeText(sae)})`]))
      return alone.length === 0 ? [] : [`In no pair: ${alone.join(', ')}.`]
    },
  }
}

/** The pairs of a caller's list. What is neither found already nor called so is a path of its own. */
async function listPairs(
  list: readonly ListedPair[],
  found: readonly FoundSae[],
  paths: readonly string[],
  options: { format: string | undefined; signal: AbortSignal | undefined },
): Promise<Choice> {
  const saes = [...found]
  const places = new Map<string, number>()
  for (const [place, { path }] of found.entries()) places.set(resolve(path), place)
  const names = found.length === 0 ? [] : shortNames(found.map(({ path }) => path))
  const find = async (text: string, where: string | undefined): Promise<number> => {
    const named = names.flatMap((name, place) => (name === text ? [place] : []))
    if (named.length === 1) return named[0]
    const known = [text, ...paths.map((path) => resolve(path, text))].map((path) => places.get(resolve(path)))
    const place = known.find((candidate) => candidate !== undefined)
    if (place !== undefined) return place
    const path = await resolveSae(text, { signal: options.signal })
    await requirePlace(path, where, names)
    saes.push(await describeSae(path, options))
    places.set(resolve(text), saes.length - 1)
    return saes.length - 1
  }
  // a pair that is listed twice is one pair
  const pairs = new Map<string, PairOfSaes>()
  for (const { a, b, where } of list) {
    const pair = { a: await find(a, where), b: await find(b, where) }
    pairs.set(`${pair.a} ${pair.b}`, pair)
  }
  return { saes, pairs: [...pairs.values()], notes: () => [] }
}

/** Refuses what is neither a name nor a path before anything is computed: it is misspelt. */
async function requirePlace(text: string, where: string | undefined, names: readonly string[]): Promise<void> {
  try {
    await locate(text)
  } catch (cause) {
    const { message } = cause as Error
    const known = names.length === 0 ? '' : `; names that were found: ${names.join(', ')}`
    throw new SaeMatchError('FILE_NOT_FOUND', `${where === undefined ? '' : `${where}: `}${message}${known}`, { cause })
  }
}

function noPairs(paths: readonly string[], found: readonly FoundSae[], pairs: 'adjacent' | 'all'): SaeMatchError {
  const expected = pairs === 'all' ? 'two SAEs that may be compared' : 'SAEs of two layers that may be compared'
  const texts = found.map((sae) => `${sae.path} (${placeText(sae)})`)
  return new SaeMatchError('NOT_COMPARABLE', `${paths.join(', ')}: expected ${expected}, found ${texts.join(', ')}`, {
    hint: pairs === 'all' ? undefined : 'Pairs within a layer, or of unknown layers, are among all pairs (--all).',
  })
}

function placeText({ header, layer, error }: FoundSae): string {
  const layerText = layer === null ? 'layer unknown' : `layer ${layer}`
  if (header === null) return `${layerText}, ${(error as { code?: string }).code ?? 'unreadable'}`
  return `${layerText}, site ${header.site}, ${header.features} features of width ${header.dimension}`
}

async function hashSae(
  sae: FoundSae,
  signal: AbortSignal | undefined,
): Promise<Pick<PlannedSae, 'files' | 'bytes' | 'error'>> {
  if (sae.header === null) return { files: null, bytes: 0, error: sae.error }
  try {
    const files: HashedFile[] = []
    for (const path of sae.header.files) files.push(await hashFile(path, { signal }))
    return { files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), error: null }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    return { files: null, bytes: 0, error }
  }
}
