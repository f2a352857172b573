import type { Matrix, StoredArray } from '../tensor/matrix.js'
import { loadAddon } from './load.js'

/** Of every array that nobody writes to, the identities of the views of it that were asked for. */
const identities = new WeakMap<StoredArray, Map<string, number>>()

/**
 * Says that nobody will ever write to an array again, so that a GPU may keep a copy of it. Only who made the array and
 * shows it to nobody can know that; what a user passes in may change between two calls.
 */
export function neverWritten(array: StoredArray): void {
  if (!identities.has(array)) identities.set(array, new Map())
}

/**
 * A number that stands for the numbers of a view of an array that is {@link neverWritten}: the same for an equal view,
 * and no other in this process. 0 for every other matrix, and without the addon.
 */
export function identityOf({ data, dtype, rows, columns, rowStride, columnStride, offset }: Matrix): number {
  const ofViews = identities.get(data)
  if (ofViews === undefined) return 0
  const { addon } = loadAddon()
  if (addon === null) return 0
  const view = [dtype, rows, columns, rowStride, columnStride, offset].join()
  const identity = ofViews.get(view) ?? addon.newIdentity()
  ofViews.set(view, identity)
  return identity
}
