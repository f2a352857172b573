import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { SaeMatchError } from '../errors.js'
import { splitOutputLayer, withOutputLayer } from '../formats/output-layer.js'
import { makeDirectory } from '../make-directory.js'
import { type CachedListing, cachedFiles, hasFile, snapshotPath, writeRef, writing } from './cache.js'
import { canonicalL0 } from './canonical-l0.js'
import { checkpointsIn, type HubCheckpoint } from './checkpoints.js'
import { findCommit, type HubFile, listFiles } from './client.js'
import { fetchFile } from './download.js'
import { formatReference, type HubReference, isHubReference, parseReference } from './reference.js'
import { findRelease, releaseOf } from './releases.js'
import { type SaeSelection, selectCheckpoints } from './select.js'
import { type HubSettings, hubSettings } from './settings.js'

/** Options of {@link resolveSaes}. */
export interface ResolveOptions extends SaeSelection {
  /** Called with the bytes that are there of all that are wanted. */
  readonly onProgress?: ((progress: { phase: 'download'; done: number; total: number }) => void) | undefined
  /** Called with what a user should know, a sentence each. */
  readonly onNote?: ((note: string) => void) | undefined
  /** Ends downloading; the promise rejects with its reason. What was downloaded is kept. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The local paths of what a reference names: `hf://owner/name/path[@revision]`, a file, a folder or a whole repository; the
 * name of a release such as `gemma-scope-2b-pt-res`; or a local path, which is given back. Files of the hub are downloaded
 * into the cache that all its clients share, unless they are there; with `HF_HUB_OFFLINE`, or where the hub cannot be
 * reached, what the cache holds is all there is.
 *
 * @returns one path for each SAE, by layer
 * @throws RangeError `INVALID_ARGUMENT`; SaeMatchError `HUB_NOT_FOUND`, `HUB_ACCESS`, `HUB_UNAVAILABLE`, `HUB_INVALID`,
 *   `HUB_CHECKSUM`, `SAE_AMBIGUOUS`, `FORMAT_UNKNOWN`, `OUTPUT_FAILED`; the reason of `signal`
 */
export async function resolveSaes(reference: string, options: ResolveOptions = {}): Promise<string[]> {
  const { place: text, outputLayer } = splitOutputLayer(reference)
  const place = hubReferenceOf(text)
  if (place === null) return [reference]
  return (await resolveReference(place, options, hubSettings())).map((path) => withOutputLayer(path, outputLayer))
}

/** As {@link resolveSaes}, for a place where there is one SAE. @throws `SAE_AMBIGUOUS` */
export async function resolveSae(reference: string, options: ResolveOptions = {}): Promise<string> {
  const { place: text, outputLayer } = splitOutputLayer(reference)
  const place = hubReferenceOf(text)
  if (place === null) return reference
  const settings = hubSettings()
  const one = (chosen: readonly HubCheckpoint[]) => {
    if (chosen.length === 1) return
    const found = chosen.slice(0, 6).map(({ path }) => path)
    const more = chosen.length > 6 ? `, and ${chosen.length - 6} more` : ''
    throw new SaeMatchError('SAE_AMBIGUOUS', `${reference}: expected one SAE, found ${found.join(', ')}${more}`, {
      hint: 'Name one of them, or choose with --layers, --width and --l0.',
    })
  }
  const [path] = await resolveReference(place, options, settings, one)
  return withOutputLayer(path, outputLayer)
}

/** The place on the hub that a text names, or null for a local path. What is there locally goes before a release. */
export function hubReferenceOf(text: string): HubReference | null {
  if (isHubReference(text)) return parseReference(text)
  const release = findRelease(text)
  if (release === undefined || existsSync(text)) return null
  return { repository: release.repository, revision: 'main', path: release.folder }
}

/** @param check looks at the choice before anything is downloaded */
export async function resolveReference(
  reference: HubReference,
  options: ResolveOptions,
  settings: HubSettings,
  check: (chosen: readonly HubCheckpoint[]) => void = () => {},
): Promise<string[]> {
  const { signal, onNote } = options
  signal?.throwIfAborted()
  const listing = await listReference(reference, settings, signal, onNote)
  const chosen = selectCheckpoints(
    checkpointsAt(listing.files, reference),
    options,
    formatReference(reference),
    (checkpoint) => isCanonical(checkpoint, reference),
  )
  check(chosen)
  const { commit } = listing
  if (commit === null) return chosen.map((checkpoint) => cachedPath(checkpoint, listing.cached, reference, settings))
  await download(chosen, commit, reference, settings, options)
  return chosen.map(({ path }) => snapshotPath(settings.cache, reference.repository, commit, path))
}

type Listing =
  | { readonly files: readonly HubFile[]; readonly commit: string }
  | { readonly files: readonly HubFile[]; readonly commit: null; readonly cached: CachedListing }

/** What the hub has of a reference, or the cache where the hub is not to be asked. */
async function listReference(
  reference: HubReference,
  settings: HubSettings,
  signal: AbortSignal | undefined,
  onNote: ResolveOptions['onNote'],
): Promise<Listing> {
  const { repository, path } = reference
  let unreachable: unknown = null
  if (!settings.offline) {
    try {
      const commit = await findCommit(reference, settings, signal)
      const folder = weightsFile.test(path) ? path.split('/').slice(0, -1).join('/') : path
      const files = await listFiles(reference, commit, { folder, recursive: true }, settings, signal)
      // what is said about all SAEs lies at the top
      const top = { folder: '', recursive: false }
      const above = folder === '' ? [] : await listFiles(reference, commit, top, settings, signal)
      return { commit, files: [...files, ...above.filter(({ path }) => !weightsFile.test(path))] }
    } catch (error) {
      if (!(error instanceof SaeMatchError) || error.code !== 'HUB_UNAVAILABLE') throw error
      unreachable = error
    }
  }
  const cached = await cachedFiles(settings.cache, reference)
  if (cached.files.length === 0) {
    if (unreachable !== null) throw unreachable
    const message = `Cannot find ${formatReference(reference)} in the cache ${settings.cache}, and HF_HUB_OFFLINE is set`
    throw new SaeMatchError('HUB_UNAVAILABLE', message, {
      hint: 'Unset HF_HUB_OFFLINE to download it, or set HF_HUB_CACHE.',
    })
  }
  if (unreachable !== null) onNote?.(`${(unreachable as Error).message}: taking what the cache holds of ${repository}.`)
  if (!cached.known)
    onNote?.(`The cache does not say which commit ${reference.revision} of ${repository} is: taking the newest files.`)
  return { commit: null, files: cached.files, cached }
}

const weightsFile = /\.(npz|safetensors|pt|pth)$/i

/** Whether SAELens and Neuronpedia have chosen this one of its layer. */
function isCanonical({ path, width, layer, l0 }: HubCheckpoint, { repository }: HubReference): boolean {
  const release = releaseOf(repository, path)
  if (release === undefined || width === null || layer === null || !/^\d+$/.test(l0 ?? '')) return false
  return canonicalL0(release.name, width, layer) === Number(l0)
}

/** The SAEs at and below a place. A file that is named stands for itself. */
function checkpointsAt(files: readonly HubFile[], { path }: HubReference): HubCheckpoint[] {
  return checkpointsIn(files).flatMap((checkpoint) => {
    if (checkpoint.files[0].path === path) return [{ ...checkpoint, path }]
    const isBelow = path === '' || checkpoint.path === path || checkpoint.path.startsWith(`${path}/`)
    return isBelow ? [checkpoint] : []
  })
}

async function download(
  chosen: readonly HubCheckpoint[],
  commit: string,
  reference: HubReference,
  settings: HubSettings,
  { signal, onProgress, onNote }: ResolveOptions,
): Promise<void> {
  const { repository } = reference
  const files = [...new Map(chosen.flatMap(({ files }) => files.map((file) => [file.path, file] as const))).values()]
  const missing: HubFile[] = []
  for (const file of files) if (!(await hasFile(settings.cache, repository, commit, file))) missing.push(file)
  if (missing.length > 0) {
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0)
    await requireSpace(settings.cache, total)
    onNote?.(
      `Downloading ${missing.length} ${missing.length === 1 ? 'file' : 'files'} of ${repository}, ${sizeText(total)}, to ${settings.cache}`,
    )
    let done = 0
    for (const file of missing) {
      const onBytes = (bytes: number) => onProgress?.({ phase: 'download', done: done + bytes, total })
      await fetchFile(file, reference, commit, settings, { signal, onBytes })
      done += file.bytes
      onProgress?.({ phase: 'download', done, total })
    }
  }
  // without a ref, no client finds the files by the name of their revision; a cache for reading only needs none
  await writeRef(settings.cache, reference, commit).catch((error) => {
    if (missing.length > 0) throw error
  })
}

/** @throws SaeMatchError `OUTPUT_FAILED` where the cache has no room for so many bytes */
async function requireSpace(cache: string, bytes: number): Promise<void> {
  await writing(cache, async () => {
    await makeDirectory(cache)
    const { bavail, bsize } = await statfs(cache)
    const free = bavail * bsize
    if (free < bytes) throw new Error(`expected room for ${sizeText(bytes)}, found ${sizeText(free)}`)
  })
}

/**
 * The path of an SAE in the cache. Clients that name snapshots after the last change of each file may have put the files
 * of one SAE into several: then the folder that has its weights must have the others too.
 */
function cachedPath(
  { path, files }: HubCheckpoint,
  { commits }: CachedListing,
  { repository }: HubReference,
  { cache }: HubSettings,
): string {
  const [commit, ...others] = files.map((file) => commits.get(file.path)!)
  const elsewhere = others.findIndex((other) => other !== commit)
  if (elsewhere < 0) return snapshotPath(cache, repository, commit, path)
  const [weights, other] = [files[0].path, files[elsewhere + 1].path]
  throw new SaeMatchError(
    'HUB_UNAVAILABLE',
    `${cache}: expected all files of ${path} in one snapshot of ${repository}, found ${weights} in ${commit} and ${other} in ${others[elsewhere]}`,
    { hint: 'Unset HF_HUB_OFFLINE once: what is there is not downloaded again.' },
  )
}

function sizeText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`
}
