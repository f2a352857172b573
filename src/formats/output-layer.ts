import { existsSync } from 'node:fs'
import { SaeMatchError } from '../errors.js'
import type { CheckpointLocation } from './family.js'

/**
 * A path, and the layer that it names behind a `#` (`FILE#9`): the one whose decoder is meant, of those that a crosscoder
 * writes to. What is really called so is a path.
 */
export function splitOutputLayer(path: string): { readonly place: string; readonly outputLayer: number | null } {
  const [, place, layer] = /^(.+)#(\d{1,4})$/s.exec(path) ?? []
  if (place === undefined || existsSync(path)) return { place: path, outputLayer: null }
  return { place, outputLayer: Number(layer) }
}

/** The path that names a layer of what another path names. */
export function withOutputLayer(place: string, outputLayer: number | null): string {
  return outputLayer === null ? place : `${place}#${outputLayer}`
}

/** @throws `FILE_NOT_FOUND` where a path names a layer of what writes to one place only. */
export function requireNoOutputLayer({ path, outputLayer }: CheckpointLocation): void {
  if (outputLayer === null) return
  throw new SaeMatchError('FILE_NOT_FOUND', `${path}: expected a crosscoder before #${outputLayer}, found another SAE`)
}
