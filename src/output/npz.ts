import { zipSync } from 'fflate'
import { encodeNpy, type NpyArray } from './npy.js'

/** A named array, with a shape where it is not a plain list. */
export type NpzEntries = Readonly<
  Record<string, NpyArray | { readonly data: NpyArray; readonly shape: readonly number[] }>
>

/**
 * The contents of a `.npz` file that `numpy.load` opens. Equal arrays give equal bytes: entries keep their order, are
 * stored uncompressed, and carry a fixed time.
 */
export function encodeNpz(entries: NpzEntries): Uint8Array {
  const files: Record<string, Uint8Array> = {}
  for (const [name, entry] of Object.entries(entries)) {
    files[`${name}.npy`] = 'shape' in entry ? encodeNpy(entry.data, entry.shape) : encodeNpy(entry)
  }
  // the first moment a zip entry can carry; fflate reads it in local time, so it is made in local time
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) })
}
