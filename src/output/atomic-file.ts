import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { makeDirectory } from '../make-directory.js'

/** Files being written at this moment; see {@link removeUnfinishedFiles}. */
const unfinished = new Set<string>()

/** A file that is written piece by piece and appears under its name only once it is whole. */
export interface AtomicFile {
  /** Appends, or overwrites from byte `position` on. */
  write(contents: Uint8Array, position?: number): Promise<void>
  /** Gives the file its name. */
  commit(): Promise<void>
  /** Removes what was written; does nothing after {@link commit}. */
  discard(): Promise<void>
}

/**
 * Begins a file at `path`: a temporary name beside it, then fsync, rename, fsync of the directory.
 *
 * @throws SaeMatchError `OUTPUT_FAILED` naming the path, also on writing; the temporary file is removed
 */
export async function createFileAtomically(path: string): Promise<AtomicFile> {
  const temporary = temporaryName(path)
  unfinished.add(temporary)
  const failed = async (error: unknown) => {
    await rm(temporary, { force: true }).catch(() => {})
    unfinished.delete(temporary)
    return outputFailed(path, error)
  }
  const file = await open(temporary, 'wx').catch(async (error) => {
    throw await failed(error)
  })
  const close = async () => {
    await file.close().catch(() => {})
  }
  let end = 0
  return {
    async write(contents, position = end) {
      try {
        for (let written = 0; written < contents.length; ) {
          const { bytesWritten } = await file.write(contents, written, contents.length - written, position + written)
          written += bytesWritten
        }
        end = Math.max(end, position + contents.length)
      } catch (error) {
        await close()
        throw await failed(error)
      }
    },
    async commit() {
      try {
        await file.sync()
        await file.close()
        await rename(temporary, path)
        unfinished.delete(temporary)
        await syncDirectory(dirname(path))
      } catch (error) {
        await close()
        throw await failed(error)
      }
    },
    async discard() {
      await close()
      if (unfinished.delete(temporary)) await rm(temporary, { force: true }).catch(() => {})
    },
  }
}

/**
 * Writes a whole file or none: a temporary name beside it, fsync, rename, fsync of the directory.
 *
 * @throws SaeMatchError `OUTPUT_FAILED` naming the path; the temporary file is removed
 */
export async function writeFileAtomically(path: string, contents: Uint8Array | string): Promise<void> {
  const file = await createFileAtomically(path)
  await file.write(typeof contents === 'string' ? Buffer.from(contents) : contents)
  await file.commit()
}

/**
 * Makes sure that files can be made in a folder, or that the folder can be made, so that a long run does not fail at its
 * end. Leaves everything as it was: a run that makes nothing leaves no folder behind.
 *
 * @throws SaeMatchError `OUTPUT_FAILED` naming the folder
 */
export async function checkWritableDirectory(path: string): Promise<void> {
  try {
    await probe(temporaryName(join(await nearestExisting(path), 'probe')), path)
  } catch (error) {
    throw error instanceof SaeMatchError ? error : outputFailed(path, error)
  }
}

/** The folder itself, or the nearest of its parents that is there. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    return nearestExisting(dirname(path))
  }
}

/**
 * Makes a folder with its parents, where it is not there yet.
 *
 * @throws SaeMatchError `OUTPUT_FAILED` naming the folder
 */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path)
  } catch (error) {
    throw outputFailed(path, error)
  }
}

/**
 * Makes sure that a file can be written at `path`, its folder included, so that a long run does not fail at its end.
 *
 * @throws SaeMatchError `OUTPUT_FAILED` naming the path, also where a folder, a device or a pipe is in the way
 */
export async function ensureWritableFile(path: string): Promise<void> {
  const kind = await stat(path).catch(() => null)
  if (kind?.isDirectory() || path.endsWith('/') || path.endsWith(sep)) throw outputFailed(path, { code: 'EISDIR' })
  if (kind?.isFile() === false) throw outputFailed(path, new Error('expected a file there, found something else'))
  await probe(temporaryName(path), path)
}

/** Makes a file, its folder included, and removes it again; a failure is blamed on `path`. */
async function probe(file: string, path: string): Promise<void> {
  try {
    await makeDirectory(dirname(file))
    const made = await open(file, 'wx')
    await made.close()
  } catch (error) {
    throw outputFailed(path, error)
  } finally {
    await rm(file, { force: true }).catch(() => {})
  }
}

/** Beside `path`, so that it can be renamed to it; says which process writes it. */
function temporaryName(path: string): string {
  return join(dirname(resolve(path)), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
}

/**
 * The name of the file that {@link writeFileAtomically} was to write, for the path of one that it left unfinished; null for
 * other files, and where the process that began it is still there.
 */
export function abandonedName(temporary: string): string | null {
  const [, name, pid] = /^\.(.+)\.(\d+)\.[0-9a-f]{8}\.tmp$/.exec(basename(temporary)) ?? []
  if (name === undefined) return null
  // in a container, a process that is gone may have had the number of this one
  const isWritten = Number(pid) === process.pid ? unfinished.has(resolve(temporary)) : isRunning(Number(pid))
  return isWritten ? null : name
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes what {@link writeFileAtomically} has begun and not finished; for a process that must leave at once. */
export function removeUnfinishedFiles(): void {
  for (const path of unfinished) rmSync(path, { force: true })
}

/** Makes a rename durable. Windows cannot open folders and does not need it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'a file of that name is in the way',
  EFBIG: 'file size limit exceeded',
  ENOENT: 'no folder can be made there',
  EISDIR: 'a folder of that name is in the way',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
}

function outputFailed(path: string, cause: unknown): SaeMatchError {
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = code !== undefined && code in reasons ? `${reasons[code]} (${code})` : message
  return new SaeMatchError('OUTPUT_FAILED', `Cannot write ${path}: ${reason}`, {
    hint: 'Choose another place, or make room there. Nothing half-written was left.',
    cause,
  })
}
