import { randomBytes } from 'node:crypto'
import { copyFile, readdir, readFile, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { makeDirectory } from '../make-directory.js'
import type { HubFile } from './client.js'
import type { HubReference } from './reference.js'

/*
 * The layout that all clients of the hub share:
 *
 *     models--owner--name/refs/{revision}              text: the commit
 *     models--owner--name/blobs/{hash}                 contents
 *     models--owner--name/snapshots/{commit}/{path}    a link to ../../blobs/{hash}, or a copy where links are not possible
 */

/** The folder of a repository in the cache. */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, `models--${repository.replace('/', '--')}`)
}

/** Where a file of a commit stands in the cache. */
export function snapshotPath(cache: string, repository: string, commit: string, path: string): string {
  return join(repositoryFolder(cache, repository), 'snapshots', commit, ...path.split('/'))
}

/** Where contents stand in the cache. */
export function blobPath(cache: string, repository: string, blob: string): string {
  return join(repositoryFolder(cache, repository), 'blobs', blob)
}

/** The place on the hub, with its commit, of a path in a cache; null for any other path. */
export function cachedReference(path: string): HubReference | null {
  const parts = path.split(/[/\\]/)
  const place = parts.lastIndexOf('snapshots')
  const [, owner, name] = /^models--([^/]+?)--(.+)$/.exec(parts[place - 1] ?? '') ?? []
  const commit = parts[place + 1] ?? ''
  if (owner === undefined || !/^[0-9a-f]{40}$/.test(commit)) return null
  return { repository: `${owner}/${name}`, revision: commit, path: parts.slice(place + 2).join('/') }
}

/** Notes which commit a revision stands for. @throws SaeMatchError `OUTPUT_FAILED` */
export async function writeRef(cache: string, { repository, revision }: HubReference, commit: string): Promise<void> {
  if (revision === commit) return
  const path = join(repositoryFolder(cache, repository), 'refs', ...revision.split('/'))
  if ((await readFile(path, 'utf8').catch(() => '')) === commit) return
  await putInPlace(cache, repository, path, (temporary) => writeFile(temporary, commit))
}

/** Whether a snapshot has a file, whole. What leads out of the cache counts as absent. */
export async function hasFile(
  cache: string,
  repository: string,
  commit: string,
  { path, bytes }: HubFile,
): Promise<boolean> {
  const found = await describe(cache, snapshotPath(cache, repository, commit, path))
  return found?.bytes === bytes
}

/** Gives contents that are in the cache their name in a snapshot. @throws SaeMatchError `OUTPUT_FAILED` */
export async function linkBlob(
  cache: string,
  repository: string,
  commit: string,
  { path, blob }: HubFile,
): Promise<void> {
  const pointer = snapshotPath(cache, repository, commit, path)
  const contents = blobPath(cache, repository, blob)
  await putInPlace(cache, repository, pointer, async (temporary) => {
    try {
      await symlink(relative(dirname(pointer), contents), temporary)
    } catch {
      // Windows without the right to make links
      await copyFile(contents, temporary)
    }
  })
}

/** Makes something whole before it gets its name. What a crash leaves lies among the contents, where nobody looks for names. */
async function putInPlace(
  cache: string,
  repository: string,
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = blobPath(cache, repository, `${randomBytes(8).toString('hex')}.tmp`)
  await writing(path, async () => {
    try {
      await makeDirectory(dirname(temporary))
      await makeDirectory(dirname(path))
      await make(temporary)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      throw error
    }
  })
}

/** What is done to the cache; a failure names the path. @throws SaeMatchError `OUTPUT_FAILED` */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (cause) {
    throw new SaeMatchError('OUTPUT_FAILED', `Cannot write ${path}: ${(cause as Error).message}`, {
      hint: 'HF_HUB_CACHE names another folder for the cache.',
      cause,
    })
  }
}

/** Files of a repository that are in the cache, and the snapshot that each is in. */
export interface CachedListing {
  readonly files: readonly HubFile[]
  /** The commit of every file, by its path. */
  readonly commits: ReadonlyMap<string, string>
  /** Whether a commit was found for the revision; without one, every file is the newest that is there. */
  readonly known: boolean
}

/** What the cache holds of a revision. */
export async function cachedFiles(cache: string, reference: HubReference): Promise<CachedListing> {
  const folder = repositoryFolder(cache, reference.repository)
  const commit = await cachedCommit(folder, reference.revision)
  const snapshots = commit === null ? await newestFirst(join(folder, 'snapshots')) : [commit]
  const files = new Map<string, HubFile>()
  const commits = new Map<string, string>()
  for (const snapshot of snapshots) {
    for (const path of await filesBelow(join(folder, 'snapshots', snapshot))) {
      if (files.has(path)) continue
      const found = await describe(cache, snapshotPath(cache, reference.repository, snapshot, path))
      if (found === null) continue
      files.set(path, { path, sha256: null, ...found })
      commits.set(path, snapshot)
    }
  }
  return { files: [...files.values()], commits, known: commit !== null }
}

/** Every revision is a commit, or has a file that names one. */
async function cachedCommit(folder: string, revision: string): Promise<string | null> {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision
  const text = await readFile(join(folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '')
  return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : null
}

async function newestFirst(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const aged = await Promise.all(names.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })))
  return aged.sort((a, b) => b.time - a.time).map(({ name }) => name)
}

async function filesBelow(folder: string, prefix = ''): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const found: string[] = []
  for (const entry of entries) {
    // links to folders are none of the layout
    if (entry.isDirectory()) found.push(...(await filesBelow(join(folder, entry.name), `${prefix}${entry.name}/`)))
    else found.push(`${prefix}${entry.name}`)
  }
  return found
}

/** Size and hash of what a name in a snapshot leads to; null where that is no file, or not inside the cache. */
async function describe(cache: string, path: string): Promise<{ bytes: number; blob: string } | null> {
  try {
    const [root, target] = [await realpath(cache), await realpath(path)]
    const kind = await stat(target)
    if (!kind.isFile() || !target.startsWith(`${root}${sep}`)) return null
    return { bytes: kind.size, blob: target.slice(target.lastIndexOf(sep) + 1) }
  } catch {
    return null
  }
}
