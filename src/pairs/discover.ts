import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import type { Site } from '../formats/checkpoint.js'
import { locate, readHeader, recognisingFamilies, saesAt } from '../formats/detect.js'
import { splitOutputLayer, withOutputLayer } from '../formats/output-layer.js'

/** An SAE that was found, and what its checkpoint says before any tensor is read. */
export interface FoundSae {
  /** As the user named it, or below a folder that the user named. */
  readonly path: string
  readonly layer: number | null
  /** null where its header could not be read. */
  readonly header: FoundHeader | null
  /** Why not. */
  readonly error: unknown
}

/** What decides which SAEs are paired, and in what order. */
export interface FoundHeader {
  /** The files whose contents are those of the SAE. */
  readonly files: readonly string[]
  readonly site: Site
  readonly outputSite?: Site | undefined
  /** Number of features. */
  readonly features: number
  /** The width of the activations. */
  readonly dimension: number
  readonly outputDimension?: number | undefined
}

/** How SAEs are found. */
export interface DiscoverOptions {
  /** The checkpoint family; by default the names of the files decide. */
  readonly format?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The SAEs at and below some paths, each once, in their natural order: by site, layer, number of features, path. An SAE
 * whose header is damaged is among them, with the error.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND` for a path that is not there, `FORMAT_UNKNOWN` for one without any SAE;
 *   RangeError `INVALID_ARGUMENT` for an unknown format; the reason of `signal`
 */
export async function discoverSaes(paths: readonly string[], options: DiscoverOptions = {}): Promise<FoundSae[]> {
  const found = new Map<string, FoundSae>()
  for (const path of paths) {
    const below = await saesBelow(path, options)
    if (below.length === 0) {
      throw new SaeMatchError('FORMAT_UNKNOWN', `${path}: expected sparse autoencoders there or below, found none`)
    }
    for (const sae of below) {
      const { place, outputLayer } = splitOutputLayer(sae.path)
      const identity = withOutputLayer(await realpath(place), outputLayer)
      if (!found.has(identity)) found.set(identity, sae)
    }
  }
  return inNaturalOrder([...found.values()])
}

async function saesBelow(path: string, options: DiscoverOptions): Promise<FoundSae[]> {
  const location = await locate(path)
  if (location.file !== null) {
    recognisingFamilies(location, options.format)
    const saes = await describeSaes(path, options)
    const [{ error }] = saes
    if (error instanceof SaeMatchError && error.code === 'FORMAT_UNKNOWN') throw error
    return saes
  }
  if (location.outputLayer !== null) return [await describeSae(path, options)]
  const saes: FoundSae[] = []
  for (const { path: place, certain } of await placesBelow(path, options, new Set())) {
    for (const sae of await describeSaes(place, options)) if (certain || !isOtherFile(sae.error)) saes.push(sae)
  }
  return saes
}

/** One SAE, or the layers of a crosscoder. */
async function describeSaes(path: string, options: DiscoverOptions): Promise<FoundSae[]> {
  // what cannot be read is one, with its error
  const paths = await saesAt(path, options).catch(() => [path])
  const saes: FoundSae[] = []
  for (const own of paths) saes.push(await describeSae(own, options))
  return saes
}

/** One SAE, whatever lies around it. */
export async function describeSae(path: string, { format, signal }: DiscoverOptions = {}): Promise<FoundSae> {
  signal?.throwIfAborted()
  try {
    const found = await readHeader(path, { format, signal })
    const { files, layer, site, outputSite, features, dimension, outputDimension } = found
    return { path, layer, header: { files, site, outputSite, features, dimension, outputDimension }, error: null }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    return { path, layer: layerOfPath(path), header: null, error }
  }
}

interface PlaceFound {
  readonly path: string
  /** Whether its name alone makes it a checkpoint. A single file may also hold something else. */
  readonly certain: boolean
}

/** Folders that a family recognises, and files in other folders that it recognises. */
async function placesBelow(
  folder: string,
  { format, signal }: DiscoverOptions,
  visited: Set<string>,
): Promise<PlaceFound[]> {
  signal?.throwIfAborted()
  const identity = await realpath(folder)
  // a link may lead back up
  if (visited.has(identity)) return []
  visited.add(identity)
  const here = await locate(folder)
  // where several families recognise a place, reading its header says what to do about it
  const isCheckpoint = recognisingFamilies(here, format).length > 0
  const places: PlaceFound[] = isCheckpoint ? [{ path: folder, certain: true }] : []
  for (const name of [...here.names].sort()) {
    if (name.startsWith('.') || name === 'node_modules') continue
    // the states that training left on its way are SAEs for whoever names them
    if (isCheckpoint && name === 'checkpoints') continue
    const path = join(folder, name)
    const kind = await stat(path).catch(() => null)
    if (kind?.isDirectory()) places.push(...(await placesBelow(path, { format, signal }, visited)))
    else if (!isCheckpoint && kind?.isFile() && recognisingFamilies({ ...here, path, file: name }, format).length > 0) {
      places.push({ path, certain: false })
    }
  }
  return places
}

/** An archive of other arrays, e.g. activations or our own results, is no damaged SAE. */
function isOtherFile(error: unknown): boolean {
  return error instanceof SaeMatchError && (error.code === 'TENSOR_MISSING' || error.code === 'FORMAT_UNKNOWN')
}

/** What the names of folders say, for a checkpoint whose header could not be read. */
function layerOfPath(path: string): number | null {
  const found = /.*\b(?:layer|blocks|layers)[_.-]?(\d+)/i.exec(path)
  return found === null ? null : Number(found[1])
}

const { compare } = new Intl.Collator('en', { numeric: true })

/** An SAE whose header could not be read stands where the first readable one does: most folders hold one site only. */
function inNaturalOrder(saes: readonly FoundSae[]): FoundSae[] {
  const first = saes.find(({ header }) => header !== null)?.header
  const keysOf = ({ layer, header }: FoundSae) => ({
    site: (header ?? first)?.site ?? '',
    layer: layer ?? Number.MAX_VALUE,
    features: (header ?? first)?.features ?? 0,
  })
  return saes.toSorted((a, b) => {
    const [x, y] = [keysOf(a), keysOf(b)]
    return compare(x.site, y.site) || x.layer - y.layer || x.features - y.features || compare(a.path, b.path)
  })
}
