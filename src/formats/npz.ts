import { SaeMatchError } from '../errors.js'
import type { Container } from './container.js'
import { openFile } from './file.js'
import { allocateNpy, cutNpyRows, type NpyHeader, readNpyHeader, swapBytes } from './npy.js'
import { entryPieces, readEntry, readEntryPrefix, readZipDirectory, type ZipEntry } from './zip.js'

const extension = '.npy'

interface NpzArray {
  readonly entry: ZipEntry
  readonly header: NpyHeader
}

/**
 * Opens an `.npz` archive: stored or deflated arrays, Zip64 included. Entries that are not `.npy` are ignored.
 * @throws `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_INVALID`, `TENSOR_DTYPE`; the reason of `signal`, also on reading
 */
export async function openNpz(path: string, signal?: AbortSignal): Promise<Container> {
  const file = await openFile(path, signal)
  const nameOf = (key: string) => `${path}: ${key}`
  try {
    const arrays = new Map<string, NpzArray>()
    // one after the other: every deflated entry takes an inflater with its buffers
    for (const entry of (await readZipDirectory(file)).values()) {
      if (!entry.name.endsWith(extension)) continue
      const key = entry.name.slice(0, -extension.length)
      const prefix = (length: number) => readEntryPrefix(file, entry, length)
      arrays.set(key, { entry, header: await readNpyHeader(prefix, entry.bytes, nameOf(key)) })
    }
    const find = (key: string): NpzArray => {
      const array = arrays.get(key)
      if (array === undefined)
        throw new SaeMatchError('TENSOR_MISSING', `${path}: expected an array ${key}, found none`)
      return array
    }
    return {
      file: { path, bytes: file.bytes, modified: file.modified },
      tensors: new Map([...arrays].map(([key, { header }]) => [key, { dtype: header.dtype, shape: header.shape }])),
      async read(key) {
        const { entry, header } = find(key)
        const tensor = allocateNpy(header, nameOf(key))
        await readEntry(file, entry, header.dataStart, tensor.data.buffer)
        if (header.bigEndian) swapBytes(tensor)
        return tensor
      },
      async *readRows(key, rows) {
        const { entry, header } = find(key)
        yield* cutNpyRows(entryPieces(file, entry), header.dataStart, header, rows, nameOf(key))
      },
      close: () => file.handle.close(),
    }
  } catch (error) {
    await file.handle.close()
    throw error
  }
}
