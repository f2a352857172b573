import { type FileHandle, open, stat } from 'node:fs/promises'
import { SaeMatchError } from '../errors.js'

/** A file that was read, as a result records it. */
export interface SourceFile {
  readonly path: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** A file open for reading. */
export interface OpenFile extends SourceFile {
  readonly handle: FileHandle
  /** Ends reading with its reason. */
  readonly signal: AbortSignal | undefined
}

const pieceBytes = 2 ** 22

/**
 * Opens a regular file.
 * @param signal stops whatever reads from the file later on: that throws its reason.
 * @throws `FILE_NOT_FOUND` where there is none or it cannot be opened, `FORMAT_INVALID` for a folder or a device.
 */
export async function openFile(path: string, signal?: AbortSignal): Promise<OpenFile> {
  const unreadable = (cause: unknown) =>
    new SaeMatchError('FILE_NOT_FOUND', `Cannot open ${path}: ${reason(cause)}`, { cause })
  const kind = await stat(path).catch((cause) => {
    throw unreadable(cause)
  })
  if (!kind.isFile()) throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a file, found something else`)
  const handle = await open(path).catch((cause) => {
    throw unreadable(cause)
  })
  const { size, mtimeMs } = await handle.stat()
  return { path, bytes: size, modified: mtimeMs, handle, signal }
}

/** `length` bytes from `position`. @throws `FILE_TRUNCATED` where the file ends before. */
export async function readBytes(file: OpenFile, position: number, length: number): Promise<Buffer> {
  requireBytes(file, position, length)
  const bytes = Buffer.alloc(length)
  await fill(file, position, bytes)
  return bytes
}

/**
 * Fills `target` with the bytes from `position`. The next piece is read while `onPiece` looks at the one before.
 * @throws `FILE_TRUNCATED` where the file ends before.
 */
export async function readInto(
  file: OpenFile,
  position: number,
  target: ArrayBufferLike,
  onPiece: (piece: Uint8Array) => void = () => {},
): Promise<void> {
  requireBytes(file, position, target.byteLength)
  const read = async (from: number): Promise<Uint8Array> => {
    const piece = new Uint8Array(target, from, Math.min(pieceBytes, target.byteLength - from))
    await fill(file, position + from, piece)
    return piece
  }
  let next = target.byteLength > 0 ? read(0) : null
  for (let from = pieceBytes; next !== null; from += pieceBytes) {
    const piece = await next
    next = from < target.byteLength ? read(from) : null
    onPiece(piece)
  }
}

/** Fails unless the file holds `length` bytes from `position`: sizes are checked before anything is allocated. */
function requireBytes(file: OpenFile, position: number, length: number): void {
  if (!(position >= 0 && length >= 0 && position + length <= file.bytes)) {
    const message = `${file.path}: expected ${length} bytes from byte ${position}, but the file has ${file.bytes}`
    throw new SaeMatchError('FILE_TRUNCATED', message)
  }
}

/** Reads until `bytes` is full: one call may give less than it was asked for. */
async function fill(file: OpenFile, position: number, bytes: Uint8Array): Promise<void> {
  for (let filled = 0; filled < bytes.length; ) {
    file.signal?.throwIfAborted()
    const { bytesRead } = await file.handle
      .read(bytes, filled, bytes.length - filled, position + filled)
      .catch((cause) => {
        throw new SaeMatchError('FILE_NOT_FOUND', `Cannot read ${file.path}: ${reason(cause)}`, { cause })
      })
    if (bytesRead === 0) {
      throw new SaeMatchError(
        'FILE_TRUNCATED',
        `${file.path} was cut short to ${position + filled} bytes while it was read`,
      )
    }
    filled += bytesRead
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
