import { SaeMatchError } from '../errors.js'
import type { OpenFile } from './file.js'
import { requireZip } from './torch-kind.js'
import { readTorchPickle, type TorchValue } from './torch-pickle.js'
import { readEntry, readEntryPrefix, readZipDirectory, type ZipEntry } from './zip.js'

/** The zip archive of a file of torch.save. */
export interface TorchArchive {
  readonly file: OpenFile
  /** The name of what holds the names, for messages. */
  readonly pickleName: string
  readonly value: TorchValue
  /** Storages by their keys. */
  readonly storages: ReadonlyMap<string, ZipEntry>
  readonly bigEndian: boolean
}

/** Far above that of an SAE: a pickle names tensors, their numbers lie elsewhere. */
const maximumPickleBytes = 2 ** 18
const pickleFile = 'data.pkl'

/**
 * Reads all but the numbers. What torch.save writes lies in one folder of any name: `data.pkl`, the storages in `data/`,
 * since 2.1 also `byteorder`.
 * @throws `FORMAT_INVALID`, `FILE_TRUNCATED`; the reason of the file's signal
 */
export async function openTorchArchive(file: OpenFile): Promise<TorchArchive> {
  await requireZip(file)
  const all = [...(await readZipDirectory(file)).values()].map(withItsChecksum)
  const pickles = all.filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name))
  if (pickles.length !== 1) {
    const message = `${file.path}: expected one entry FOLDER/${pickleFile}, as torch.save writes it, found ${pickles.length}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  const [pickle] = pickles
  const folder = pickle.name.slice(0, -pickleFile.length)
  const below = (start: string) =>
    new Map(all.filter(({ name }) => name.startsWith(start)).map((entry) => [entry.name.slice(start.length), entry]))

  const entries = below(folder)
  if (entries.has('constants.pkl')) {
    throw new SaeMatchError('FORMAT_INVALID', `${file.path}: expected a file of torch.save, found TorchScript`, {
      hint: 'Save the state alone: torch.save(torch.jit.load(path).state_dict(), path).',
    })
  }
  const bigEndian = await isBigEndian(file, entries.get('byteorder'))
  const value = readTorchPickle(await readPickleBytes(file, pickle), `${file.path}: ${pickle.name}`)
  return { file, pickleName: pickle.name, value, storages: below(`${folder}data/`), bigEndian }
}

/** torch.save writes 0 for checksums that it was told to leave out (`set_crc32_options`). */
function withItsChecksum(entry: ZipEntry): ZipEntry {
  return entry.crc32 === 0 ? { ...entry, crc32: null } : entry
}

async function readPickleBytes(file: OpenFile, pickle: ZipEntry): Promise<Buffer> {
  if (pickle.bytes > maximumPickleBytes) {
    const expected = `expected at most ${maximumPickleBytes} bytes, found ${pickle.bytes}`
    throw new SaeMatchError('FORMAT_INVALID', `${file.path}: ${pickle.name}: ${expected}`)
  }
  const bytes = Buffer.alloc(pickle.bytes)
  await readEntry(file, pickle, 0, bytes.buffer)
  return bytes
}

async function isBigEndian(file: OpenFile, entry: ZipEntry | undefined): Promise<boolean> {
  if (entry === undefined) return false
  const text = (await readEntryPrefix(file, entry, Math.min(entry.bytes, 16))).toString('latin1')
  if (text === 'little' || text === 'big') return text === 'big'
  const message = `${file.path}: ${entry.name}: expected "little" or "big", found ${JSON.stringify(text)}`
  throw new SaeMatchError('FORMAT_INVALID', message)
}
