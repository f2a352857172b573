import { readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { SaeMatchError, wrongValue } from '../errors.js'
import type { Checkpoint, CheckpointHeader } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { requireNoOutputLayer, splitOutputLayer, withOutputLayer } from './output-layer.js'
import { families } from './registry.js'

/**
 * Reads the checkpoint at `path`: a file, or the folder it lies in.
 * @param options.format the family's name; where it is absent, the names of the files decide.
 * @throws `INVALID_ARGUMENT`, `FILE_NOT_FOUND`, `FORMAT_UNKNOWN`, and what the family throws; the reason of `signal`
 */
export async function readCheckpoint(
  path: string,
  options: ReadOptions & { format?: string | undefined } = {},
): Promise<Checkpoint> {
  const { activationScale: scale } = options
  if (scale !== undefined && !(scale > 0 && Number.isFinite(scale))) {
    throw wrongValue('activationScale', 'a positive number', scale)
  }
  const location = await locate(path)
  return (await familyAt(location, options)).read(location, options)
}

/**
 * What the checkpoint at `path` says about itself; no tensor is read.
 * @throws as {@link readCheckpoint} for what is wrong before the tensors
 */
export async function readHeader(
  path: string,
  options: { format?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<CheckpointHeader> {
  const location = await locate(path)
  return (await familyAt(location, options)).readHeader(location, options)
}

/**
 * The paths of the SAEs at `path`: itself, or one for each layer that a crosscoder writes to.
 * @throws as {@link readHeader}
 */
export async function saesAt(
  path: string,
  options: { format?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const location = await locate(path)
  if (location.outputLayer !== null) return [path]
  const layers = await (await detectFamily(location, options)).outputLayers?.(location)
  return layers?.map((layer) => withOutputLayer(path, layer)) ?? [path]
}

/**
 * The family of a checkpoint: that of its names, or of its tensors where several families share the names.
 * @throws `FORMAT_UNKNOWN` where none or more than one recognises it, and what opening its files throws
 */
export async function detectFamily(
  location: CheckpointLocation,
  { format, ...options }: ReadOptions & { readonly format?: string | undefined } = {},
): Promise<Family> {
  if (format !== undefined) return familyCalled(format)
  const named = recognisingFamilies(location)
  const holding = named.length > 1 ? await holdingFamilies(named, location, options) : named
  if (holding.length === 1) return holding[0]
  const possible = [holding, named, families].find(({ length }) => length > 0)!
  const expected = possible.map(({ name, files }) => `${files} (${name})`)
  const found = location.file ?? ([...location.names].sort().slice(0, 10).join(', ') || 'an empty folder')
  throw new SaeMatchError(
    'FORMAT_UNKNOWN',
    `${location.path}: expected ${named.length > 1 ? 'one of ' : ''}${expected.join(' or ')}, found ${found}`,
    {
      hint:
        named.length > 1
          ? 'Name the family with the option `format`.'
          : 'Name the folder of one SAE. For a folder of many there is sae-match pairs.',
    },
  )
}

async function familyAt(
  location: CheckpointLocation,
  options: ReadOptions & { readonly format?: string | undefined },
): Promise<Family> {
  const family = await detectFamily(location, options)
  if (family.outputLayers === undefined) requireNoOutputLayer(location)
  return family
}

async function holdingFamilies(
  named: readonly Family[],
  location: CheckpointLocation,
  options: ReadOptions,
): Promise<Family[]> {
  const answers = await Promise.all(named.map(async (family) => (await family.holds?.(location, options)) ?? true))
  return named.filter((_, i) => answers[i])
}

/** The families, or that of the given name, to which the names at a place belong. @throws `INVALID_ARGUMENT` */
export function recognisingFamilies(location: CheckpointLocation, format?: string): Family[] {
  const candidates = format === undefined ? families : [familyCalled(format)]
  return candidates.filter((family) => family.recognises(location))
}

function familyCalled(format: string): Family {
  const family = families.find(({ name }) => name === format)
  if (family === undefined) throw wrongValue('format', families.map(({ name }) => `'${name}'`).join(' or '), format)
  return family
}

/** Looks at what is there. @throws `FILE_NOT_FOUND` */
export async function locate(path: string): Promise<CheckpointLocation> {
  const { place, outputLayer } = splitOutputLayer(path)
  try {
    const isFolder = (await stat(place)).isDirectory()
    const folder = isFolder ? place : dirname(place)
    return { path, folder, file: isFolder ? null : basename(place), names: new Set(await readdir(folder)), outputLayer }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SaeMatchError('FILE_NOT_FOUND', `Cannot find the checkpoint ${path}: ${reason}`, { cause })
  }
}
