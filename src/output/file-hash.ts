import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { ensureDirectory, writeFileAtomically } from './atomic-file.js'

/** A file and what is in it. */
export interface HashedFile {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

/** Where a hash of a file is kept between runs: by path, size and time of the last change. */
interface CachedHash {
  readonly path: string
  readonly bytes: number
  /** Nanoseconds since 1970, as text. */
  readonly modified: string
  readonly sha256: string
}

/**
 * The sha256 of a file, streamed. Checkpoints are big and seldom change, so the answer is kept in the user's cache
 * folder; a cache that cannot be used only costs time.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND` if it cannot be read, `CANCELLED` through `signal`
 */
export async function hashFile(
  path: string,
  options: { signal?: AbortSignal; cache?: string } = {},
): Promise<HashedFile> {
  const absolute = resolve(path)
  try {
    const { size, mtimeNs } = await stat(absolute, { bigint: true })
    const key = { path: absolute, bytes: Number(size), modified: String(mtimeNs) }
    const cache = options.cache ?? join(userCacheDirectory(), 'sae-match', 'sha256')
    const cacheFile = join(cache, `${sha256(absolute).slice(0, 32)}.json`)
    const cached = await readCache(cacheFile)
    if (cached?.path === key.path && cached.bytes === key.bytes && cached.modified === key.modified) {
      return { path: absolute, bytes: key.bytes, sha256: cached.sha256 }
    }
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(absolute, { highWaterMark: 1 << 20, signal: options.signal })) {
      hash.update(chunk as Buffer)
    }
    const digest = hash.digest('hex')
    await writeCache(cache, cacheFile, { ...key, sha256: digest })
    return { path: absolute, bytes: key.bytes, sha256: digest }
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason
    throw new SaeMatchError('FILE_NOT_FOUND', `Cannot read ${absolute}: ${(error as Error).message}`, { cause: error })
  }
}

/** The sha256 of text or bytes in memory, in lower-case hexadecimal. */
export function sha256(contents: string | Uint8Array): string {
  return createHash('sha256').update(contents).digest('hex')
}

/** `$XDG_CACHE_HOME`, or what the operating system has instead. */
export function userCacheDirectory(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (environment.XDG_CACHE_HOME) return environment.XDG_CACHE_HOME
  if (platform === 'win32' && environment.LOCALAPPDATA) return environment.LOCALAPPDATA
  return platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache')
}

async function readCache(file: string): Promise<CachedHash | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as CachedHash
  } catch {
    return null
  }
}

async function writeCache(folder: string, file: string, entry: CachedHash): Promise<void> {
  try {
    await ensureDirectory(folder)
    await writeFileAtomically(file, JSON.stringify(entry))
  } catch {
    // a read-only home is no reason to fail
  }
}
