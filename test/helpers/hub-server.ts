import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** A repository: files by path; what ends in `.json` is held by git, the rest as big files. */
export interface TestRepository {
  readonly name: string
  readonly commit: string
  readonly files: Readonly<Record<string, Buffer>>
}

/** A request that a server got. */
export interface LoggedRequest {
  readonly server: 'hub' | 'store'
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

/** Answers in the place of the server, or not at all: gives whether it did. */
export type Fault = (request: IncomingMessage, response: ServerResponse, server: 'hub' | 'store') => boolean

/**
 * A server at 127.0.0.1 that speaks the hub's protocol, also below `/mirror`: revision, tree in pages of three entries, and contents, which for
 * big files are at a second server on another port.
 */
export async function startHub(repositories: readonly TestRepository[]) {
  const log: LoggedRequest[] = []
  /** What the test changes: answers, and whose address links to further pages have. */
  const state: { fault: Fault | null; mirrored: string | null } = { fault: null, mirrored: null }
  const note = (server: 'hub' | 'store', { method = '', url = '', headers }: IncomingMessage) =>
    log.push({ server, method, url, authorization: headers.authorization, range: headers.range })

  const store = await listen((request, response) => {
    note('store', request)
    if (state.fault?.(request, response, 'store')) return
    const hash = (request.url ?? '').slice(1)
    const contents = repositories.flatMap(({ files }) => Object.values(files)).find((file) => sha256(file) === hash)
    if (contents === undefined) response.writeHead(404).end()
    else sendContents(request, response, contents, {})
  })

  const hub = await listen((request, response) => {
    note('hub', request)
    if (state.fault?.(request, response, 'hub')) return
    const url = new URL((request.url ?? '/').replace(/^\/mirror(?=\/)/, ''), hub.address)
    const [, kind, name, action, revision, path = ''] =
      /^\/(api\/models\/|)([^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? []
    const repository = repositories.find((known) => known.name === name)
    const place = decodeURIComponent(path)
    const isKnown = ['main', 'refs%2Fpr%2F1', repository?.commit].includes(revision)
    if (repository === undefined || !isKnown) return notFound(response, 'RepoNotFound')
    const { commit, files } = repository
    if (kind !== '' && action === 'revision') {
      const siblings = Object.keys(files).map((rfilename) => ({ rfilename }))
      return sendJson(response, { _id: '1', id: name, modelId: name, sha: commit, private: false, siblings, tags: [] })
    }
    if (kind !== '' && action === 'tree') {
      const entries = listTree(files, place, url.searchParams.get('recursive') === 'true')
      if (entries.length === 0) return notFound(response, 'EntryNotFound')
      const from = Number(url.searchParams.get('cursor') ?? 0)
      url.searchParams.set('cursor', String(from + 3))
      if (from + 3 < entries.length)
        response.setHeader('link', `<${state.mirrored ?? hub.address}${url.pathname}${url.search}>; rel="next"`)
      return sendJson(response, entries.slice(from, from + 3))
    }
    const contents = files[place]
    if (contents === undefined) return notFound(response, 'EntryNotFound')
    if (isSmall(place))
      return sendContents(request, response, contents, { 'x-repo-commit': commit, etag: `"${gitHash(contents)}"` })
    const headers = {
      'x-repo-commit': commit,
      'x-linked-etag': `"${sha256(contents)}"`,
      'x-linked-size': String(contents.length),
      location: `${store.address}/${sha256(contents)}`,
    }
    response.writeHead(302, headers).end()
  })
  const stop = () => {
    for (const { server } of [hub, store]) {
      server.closeAllConnections()
      server.close()
    }
  }
  afterAll(stop)
  return { endpoint: hub.address, store: store.address, log, state }
}

export function sha256(contents: Uint8Array): string {
  return createHash('sha256').update(contents).digest('hex')
}

/** As `git hash-object` gives it. */
export function gitHash(contents: Uint8Array): string {
  return createHash('sha1').update(`blob ${contents.length}\0`).update(contents).digest('hex')
}

function isSmall(path: string): boolean {
  return /\.(json|md)$/.test(path)
}

/** Answers a range as servers of files do. */
export function sendContents(
  request: IncomingMessage,
  response: ServerResponse,
  contents: Buffer,
  headers: Record<string, string>,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1)
  if (start >= contents.length)
    return void response.writeHead(416, { 'content-range': `bytes */${contents.length}` }).end()
  const body = start < 0 ? contents : contents.subarray(start)
  const range = start < 0 ? {} : { 'content-range': `bytes ${start}-${contents.length - 1}/${contents.length}` }
  response.writeHead(start < 0 ? 200 : 206, { ...headers, ...range, 'content-length': String(body.length) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listTree(files: TestRepository['files'], folder: string, recursive: boolean): object[] {
  const prefix = folder === '' ? '' : `${folder}/`
  const folders = new Set<string>()
  const found: object[] = []
  for (const [path, contents] of Object.entries(files)) {
    if (!path.startsWith(prefix)) continue
    const inside = path.slice(prefix.length).split('/')
    for (let depth = 1; depth < inside.length; depth++) {
      if (recursive || depth === 1) folders.add(prefix + inside.slice(0, depth).join('/'))
    }
    if (recursive || inside.length === 1) found.push(describeFile(path, contents))
  }
  return [
    ...[...folders].map((path) => ({ type: 'directory', oid: gitHash(Buffer.from(path)), size: 0, path })),
    ...found,
  ]
}

function describeFile(path: string, contents: Buffer): object {
  const size = contents.length
  if (isSmall(path)) return { type: 'file', oid: gitHash(contents), size, path }
  const lfs = { oid: sha256(contents), size, pointerSize: 134 }
  return { type: 'file', oid: gitHash(Buffer.from(lfs.oid)), size, path, lfs }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function notFound(response: ServerResponse, code: string): void {
  response.writeHead(404, { 'x-error-code': code, 'x-error-message': 'not here' }).end()
}

async function listen(listener: RequestListener): Promise<{ server: Server; address: string }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { server, address: `http://127.0.0.1:${port}` }
}
