import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl'
import { SaeMatchError } from '../errors.js'
import { type OpenFile, readBytes, readInto } from './file.js'
import { filePieces } from './row-pieces.js'

/** A file inside a zip archive; sizes and places are those of the central directory. */
export interface ZipEntry {
  readonly name: string
  readonly deflated: boolean
  /** Where its stored bytes begin in the archive. */
  readonly start: number
  readonly storedBytes: number
  /** Its size once inflated. */
  readonly bytes: number
  /** null where the archive was written without checksums. */
  readonly crc32: number | null
}

/** What deflate can gain at most; an entry that declares more is a lie. Source: zlib's technical details. */
const maximumDeflateRatio = 1032
/** Far above what any checkpoint holds. */
const maximumEntries = 1024
const localHeaderBytes = 30
const localHeaderSignature = 0x04034b50
/** Read at once from the end of the file; yauzl would ask for every entry of the directory by itself. */
const directoryBytes = 2 ** 17
const inputPieceBytes = 2 ** 18

/**
 * The entries of a zip archive by name, Zip64 included.
 * @throws `FORMAT_INVALID`, `FILE_TRUNCATED`
 */
export async function readZipDirectory(file: OpenFile): Promise<Map<string, ZipEntry>> {
  const invalid = (message: string) => new SaeMatchError('FORMAT_INVALID', `${file.path}: ${message}`)
  if (file.bytes < 4 || (await readBytes(file, 0, 2)).toString('latin1') !== 'PK') throw invalid('not a zip archive')

  const entries = new Map<string, ZipEntry>()
  for (const entry of await Promise.all((await listEntries(file)).map((entry) => checkEntry(file, entry)))) {
    if (entries.has(entry.name)) throw invalid(`two entries are named ${entry.name}`)
    entries.set(entry.name, entry)
  }
  return entries
}

async function checkEntry(file: OpenFile, entry: Entry): Promise<ZipEntry> {
  const { fileName: name, compressedSize: storedBytes, uncompressedSize: bytes, compressionMethod: method } = entry
  const invalid = (message: string) => new SaeMatchError('FORMAT_INVALID', `${file.path}: ${name} ${message}`)
  if (entry.isEncrypted()) throw invalid('is encrypted')
  if (method !== 0 && method !== 8) throw invalid(`should be stored or deflated, but uses method ${method}`)
  if (bytes > maximumDeflateRatio * storedBytes) {
    throw invalid(`claims to inflate from ${storedBytes} to ${bytes} bytes, more than deflate can`)
  }
  const position = entry.relativeOffsetOfLocalHeader
  const header = await readBytes(file, position, localHeaderBytes)
  if (header.readUInt32LE(0) !== localHeaderSignature) throw invalid(`has no local header at byte ${position}`)
  // The lengths of name and extra field in the local header may differ from those of the directory.
  const start = position + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + storedBytes > file.bytes) {
    const message = `${file.path}: ${name} should end at byte ${start + storedBytes}, the file at ${file.bytes}`
    throw new SaeMatchError('FILE_TRUNCATED', message)
  }
  return { name, deflated: method === 8, start, storedBytes, bytes, crc32: entry.crc32 }
}

/** The first `length` bytes of an entry. */
export async function readEntryPrefix(file: OpenFile, entry: ZipEntry, length: number): Promise<Buffer> {
  if (!entry.deflated) return readBytes(file, entry.start, length)
  const prefix = Buffer.alloc(length)
  let filled = 0
  await inflate(file, entry, (chunk) => {
    filled += chunk.copy(prefix, filled)
    return filled < length
  })
  return prefix
}

/**
 * Fills `target` with what comes after the first `from` bytes of an entry, and checks the whole entry's checksum.
 * @throws `FORMAT_INVALID`, `FILE_TRUNCATED`
 */
export async function readEntry(file: OpenFile, entry: ZipEntry, from: number, target: ArrayBufferLike): Promise<void> {
  const end = from + target.byteLength
  let checksum = 0
  const check = (piece: Uint8Array) => {
    checksum = crc32(piece, checksum)
  }
  if (entry.deflated) {
    let position = 0
    await inflate(file, entry, (chunk) => {
      check(chunk)
      const part = chunk.subarray(Math.max(0, from - position), Math.max(0, end - position))
      if (part.length > 0) new Uint8Array(target, Math.max(0, position - from), part.length).set(part)
      position += chunk.length
      return true
    })
  } else {
    for await (const piece of filePieces(file, entry.start, from)) check(piece)
    await readInto(file, entry.start + from, target, check)
    for await (const piece of filePieces(file, entry.start + end, entry.bytes - end)) check(piece)
  }
  requireChecksum(file, entry, checksum)
}

/**
 * The bytes of an entry in pieces, from the first to the last.
 * @throws `FORMAT_INVALID` after the last where the checksum of the entry is another.
 */
export async function* entryPieces(file: OpenFile, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  let checksum = 0
  for await (const piece of entry.deflated ? inflated(file, entry) : filePieces(file, entry.start, entry.bytes)) {
    checksum = crc32(piece, checksum)
    yield piece
  }
  requireChecksum(file, entry, checksum)
}

/** Inflates an entry chunk by chunk while `onChunk` returns true. */
async function inflate(file: OpenFile, entry: ZipEntry, onChunk: (chunk: Buffer) => boolean): Promise<void> {
  for await (const chunk of inflated(file, entry)) if (!onChunk(chunk)) return
}

/**
 * The inflated bytes of an entry; never more than the declared size.
 * @throws `FORMAT_INVALID` where the data is no deflate stream or not of the declared size.
 */
async function* inflated(file: OpenFile, entry: ZipEntry): AsyncGenerator<Buffer> {
  const invalid = (message: string, cause?: unknown) =>
    new SaeMatchError('FORMAT_INVALID', `${file.path}: ${entry.name} ${message}`, { cause })
  async function* stored() {
    for (let from = 0; from < entry.storedBytes; from += inputPieceBytes) {
      yield await readBytes(file, entry.start + from, Math.min(inputPieceBytes, entry.storedBytes - from))
    }
  }

  const inflater = createInflateRaw()
  // Its failure also ends the loop below, which reports it.
  const feeding = pipeline(stored, inflater).catch(() => {})
  let bytes = 0
  try {
    for await (const chunk of inflater) {
      bytes += chunk.length
      if (bytes > entry.bytes) throw invalid(`inflates to more than the ${entry.bytes} bytes it declares`)
      yield chunk
    }
  } catch (cause) {
    file.signal?.throwIfAborted()
    if (cause instanceof SaeMatchError) throw cause
    throw invalid('cannot be inflated', cause)
  } finally {
    inflater.destroy()
    await feeding
  }
  if (bytes < entry.bytes) throw invalid(`inflates to ${bytes} bytes, not to the ${entry.bytes} it declares`)
}

function requireChecksum(file: OpenFile, entry: ZipEntry, checksum: number): void {
  if (entry.crc32 === null || checksum === entry.crc32) return
  throw new SaeMatchError('FORMAT_INVALID', `${file.path}: ${entry.name} is damaged: its checksum does not match`)
}

async function listEntries(file: OpenFile): Promise<Entry[]> {
  const tailBytes = Math.min(file.bytes, directoryBytes)
  const tail = await readBytes(file, file.bytes - tailBytes, tailBytes)
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause)
      const truncated = /end of central directory record signature not found/i.test(message)
      reject(new SaeMatchError(truncated ? 'FILE_TRUNCATED' : 'FORMAT_INVALID', `${file.path}: ${message}`, { cause }))
    }
    const list = (zip: ZipFile) => {
      const entries: Entry[] = []
      zip.on('error', fail)
      zip.on('end', () => resolve(entries))
      zip.on('entry', (entry: Entry) => {
        entries.push(entry)
        if (entries.length > maximumEntries) fail(new Error(`more than ${maximumEntries} entries`))
        else zip.readEntry()
      })
      zip.readEntry()
    }
    const reader = new FileReader(file, tail, fail)
    fromRandomAccessReader(reader, file.bytes, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) fail(error)
      else list(zip)
    })
  })
}

/**
 * What yauzl reads through. Zip64 headers can name any position: outside the file it is an early end here, where
 * `fs.read` would throw into yauzl's callbacks. Whatever a callback throws ends up in `fail`.
 */
class FileReader extends RandomAccessReader {
  constructor(
    private readonly file: OpenFile,
    private readonly tail: Buffer,
    private readonly fail: (cause: unknown) => void,
  ) {
    super()
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.copy(buffer.subarray(offset, offset + length), position)
      .then((bytesRead) => callback(null, bytesRead))
      .catch(this.fail)
  }

  private async copy(target: Buffer, position: number): Promise<number> {
    if (!(position >= 0 && position + target.length <= this.file.bytes)) return 0
    const tailStart = this.file.bytes - this.tail.length
    if (position >= tailStart) return this.tail.copy(target, 0, position - tailStart)
    return (await this.file.handle.read(target, 0, target.length, position)).bytesRead
  }
}
