import { SaeMatchError } from '../errors.js'
import { formatReference, type HubReference, isRepositoryPath } from './reference.js'
import { fetchHub, readJson } from './request.js'
import type { HubSettings } from './settings.js'

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  /** Inside the repository, `/` between its parts. */
  readonly path: string
  readonly bytes: number
  /** The sha256 of a big file; null for one that git holds. */
  readonly sha256: string | null
  /** What the cache calls its contents: the sha256, or git's hash of the contents. */
  readonly blob: string
}

/**
 * The commit that a revision stands for.
 * @throws SaeMatchError `HUB_NOT_FOUND`, `HUB_ACCESS`, `HUB_UNAVAILABLE`, `HUB_INVALID`; the reason of `signal`
 */
export async function findCommit(
  reference: HubReference,
  settings: HubSettings,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { repository, revision } = reference
  const place = `${settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`
  const answer = await readJson(await fetchHub(place, reference, settings, { signal }), place, signal)
  const { sha } = (answer ?? {}) as { sha?: unknown }
  if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha
  throw invalid(place, `the commit of ${formatReference(reference)}`, sha)
}

/**
 * The files of a repository in a folder, '' for all of it, and below it.
 * @throws as {@link findCommit}
 */
export async function listFiles(
  reference: HubReference,
  commit: string,
  { folder, recursive }: { readonly folder: string; readonly recursive: boolean },
  settings: HubSettings,
  signal: AbortSignal | undefined,
): Promise<HubFile[]> {
  const { endpoint } = settings
  const path = folder === '' ? '' : `/${escapePath(folder)}`
  let place: string | null =
    `${endpoint}/api/models/${reference.repository}/tree/${commit}${path}?recursive=${recursive}`
  const files: HubFile[] = []
  const seen = new Set<string>()
  while (place !== null && !seen.has(place)) {
    seen.add(place)
    const response = await fetchHub(place, reference, settings, { signal })
    const entries = await readJson(response, place, signal)
    if (!Array.isArray(entries)) throw invalid(place, 'a list of files', entries)
    for (const entry of entries) if (entry?.type === 'file') files.push(readEntry(entry, place))
    place = nextPage(response.headers.get('link'), place, endpoint)
  }
  return files
}

/** The path of a repository in an address. */
export function escapePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** What the hub says is not trusted: names become paths in the cache. */
function readEntry(
  entry: { path?: unknown; size?: unknown; oid?: unknown; lfs?: { oid?: unknown } },
  place: string,
): HubFile {
  const { path, size, oid, lfs } = entry
  if (typeof path !== 'string' || !isRepositoryPath(path))
    throw invalid(place, 'the path of a file in the repository', path)
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid(place, `the size of ${path}`, size)
  const sha256 = lfs?.oid ?? null
  const blob = sha256 ?? oid
  const isHash = typeof blob === 'string' && (sha256 === null ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(blob)
  if (!isHash) throw invalid(place, `the hash of ${path}`, blob)
  return { path, bytes: size as number, sha256: sha256 as string | null, blob }
}

/** Mirrors may pass on links to the hub itself: only path and query count. */
function nextPage(link: string | null, place: string, endpoint: string): string | null {
  const [, next] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '') ?? []
  if (next === undefined || !URL.canParse(next, place)) return null
  const { pathname, search } = new URL(next, place)
  const base = new URL(endpoint)
  // a mirror may be at a path of its host, which the hub's own links do not have
  const prefix = base.pathname.replace(/\/+$/, '')
  return `${base.origin}${pathname.startsWith(`${prefix}/`) ? '' : prefix}${pathname}${search}`
}

function invalid(place: string, expected: string, found: unknown): SaeMatchError {
  return new SaeMatchError(
    'HUB_INVALID',
    `${place}: expected ${expected}, found ${JSON.stringify(found)?.slice(0, 100)}`,
  )
}
