import { wrongValue } from '../errors.js'

/** A place in a repository of the hub. */
export interface HubReference {
  /** `owner/name` */
  readonly repository: string
  /** A branch, a tag, a pull request (`refs/pr/1`) or a commit. */
  readonly revision: string
  /** A file, a folder, or '' for the whole repository; `/` between its parts. */
  readonly path: string
}

const scheme = 'hf://'

/** Whether a text names a place on the hub, and not a local path. */
export function isHubReference(text: string): boolean {
  return text.toLowerCase().startsWith(scheme)
}

/**
 * Reads `hf://owner/name/path`, with `@revision` behind the name or at the end.
 *
 * @throws RangeError `INVALID_ARGUMENT`
 */
export function parseReference(text: string): HubReference {
  const refuse = () => wrongValue('reference', 'hf://owner/name/path[@revision]', text)
  if (!isHubReference(text)) throw refuse()
  const [, repository, early, rest] =
    /^([^/@]+\/[^/@]+)(?:@((?:refs\/[^/]+\/)?[^/@]+))?(?:\/(.*))?$/s.exec(text.slice(scheme.length)) ??
    /^([^/@]+\/[^/@]+)@([^@]+)()$/s.exec(text.slice(scheme.length)) ??
    []
  if (repository === undefined) throw refuse()
  const place = rest ?? ''
  // a revision behind the name leaves every later @ to the path
  const at = early === undefined ? place.lastIndexOf('@') : -1
  const path = (at < 0 ? place : place.slice(0, at)).replace(/\/+$/, '')
  const revision = early === undefined ? (at < 0 ? 'main' : place.slice(at + 1)) : decode(early)
  if (!isRepository(repository) || !isRevision(revision) || !(path === '' || isRepositoryPath(path))) throw refuse()
  return { repository, revision, path }
}

/** `hf://owner/name@revision/path`, as messages and records name a place. */
export function formatReference({ repository, revision, path }: HubReference): string {
  // an @ in the path would be read as the beginning of a revision
  const at = revision === 'main' && !path.includes('@') ? '' : `@${encodeURIComponent(revision)}`
  return `${scheme}${repository}${at}${path === '' ? '' : `/${path}`}`
}

/**
 * Whether a path is one inside a repository that may become one inside the cache: no way up, no root, no backslash, no
 * control characters.
 */
export function isRepositoryPath(path: string): boolean {
  const isPart = (part: string) =>
    !['', '.', '..'].includes(part) && !/[\\\p{Cc}]/u.test(part) && !/^[a-z]:/i.test(part)
  return path.split('/').every(isPart)
}

function isRepository(name: string): boolean {
  return /^[\w.-]+\/[\w.-]+$/.test(name) && isRepositoryPath(name) && !name.includes('--')
}

function isRevision(revision: string): boolean {
  return isRepositoryPath(revision) && !/[\s?#]/.test(revision)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
