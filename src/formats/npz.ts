import { SaeMatchError } from '../errors.js'
import type { Container } from './container.js'
import { openFile } from './file.js'
import { allocateNpy, type NpyHeader, readNpyHeader, swapBytes } from './npy.js'
import { readEntry, readEntryPrefix, readZipDirectory, type ZipEntry } from './zip.js'

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
    return {
      file: { path, bytes: file.bytes, modified: file.modified },
      tensors: new Map([...arrays].map(([key, { header }]) => [key, { dtype: header.dtype, shape: header.shape }])),
      async read(key) {
        const array = arrays.get(key)
        if (array === undefined)
          throw new SaeMatchError('TENSOR_MISSING', `${path}: expected an array ${key}, found none`)
        const tensor = allocateNpy(array.header, nameOf(key))
        await readEntry(file, array.entry, array.header.dataStart, tensor.data.buffer)
        if (array.header.bigEndian) swapBytes(tensor)
        return tensor
      },
      close: () => file.handle.close(),
    }
  } catch (error) {
    await file.handle.close()
    throw error
  }
}
