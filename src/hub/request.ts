import { setTimeout as sleep } from 'node:timers/promises'
import { SaeMatchError } from '../errors.js'
import { formatReference, type HubReference } from './reference.js'
import type { HubSettings } from './settings.js'

/** How a request is made. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  /** The first byte that is wanted. */
  readonly from?: number
}

const attempts = 5
const redirects = 5
/** A server that says nothing for so long is asked again. */
const patience = 60_000

/**
 * Asks the hub, again where it is busy or out of reach. The token goes to the endpoint's own origin and is dropped where
 * a redirect leads elsewhere.
 *
 * @returns an answer of status 200, or 206 and 416 where `from` is given
 * @throws SaeMatchError `HUB_NOT_FOUND`, `HUB_ACCESS`, `HUB_UNAVAILABLE`; the reason of `signal`
 */
export async function fetchHub(
  address: string,
  reference: HubReference,
  settings: HubSettings,
  { signal, from }: RequestOptions = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    const outcome = await fetchOnce(address, settings, from ?? 0, signal)
    if (outcome instanceof Response) {
      const { ok, status } = outcome
      if (ok || (status === 416 && from !== undefined)) return outcome
      await outcome.body?.cancel().catch(() => {})
      if (!isPassing(status) || attempt === attempts) throw refused(outcome, address, reference, settings)
    } else if (attempt === attempts) throw unreachable(settings, outcome)
    await sleepBefore(attempt, outcome instanceof Response ? outcome : null, settings, signal)
  }
}

/**
 * The body of an answer, piece by piece. Ends with an error where the connection is cut or nothing comes for a minute.
 * @throws the reason of `signal`
 */
export async function* readPieces(response: Response, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  const cancel = () => void reader.cancel().catch(() => {})
  signal?.addEventListener('abort', cancel)
  try {
    for (;;) {
      let stalled = false
      const timer = setTimeout(() => {
        stalled = true
        cancel()
      }, patience)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      signal?.throwIfAborted()
      if (stalled) throw new Error(`nothing came for ${patience / 1000} s`)
      if (done) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}

/** JSON of at most 64 MiB. @throws SaeMatchError `HUB_INVALID`, `HUB_UNAVAILABLE`; the reason of `signal` */
export async function readJson(response: Response, address: string, signal: AbortSignal | undefined): Promise<unknown> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of readPieces(response, signal)) {
      bytes += piece.length
      if (bytes > 2 ** 26) throw new SyntaxError('more than 64 MiB')
      pieces.push(piece)
    }
    return JSON.parse(Buffer.concat(pieces).toString('utf8'))
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof SyntaxError) {
      throw new SaeMatchError('HUB_INVALID', `${address}: expected JSON, found ${cause.message}`, { cause })
    }
    throw new SaeMatchError('HUB_UNAVAILABLE', `${address}: ${causeText(cause)}`, { cause })
  }
}

/** Waits before a request is repeated, as long as the server asks for but no more than a minute. */
export async function sleepBefore(
  attempt: number,
  response: Response | null,
  { retryDelay }: HubSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const asked = Number(response?.headers.get('retry-after') ?? Number.NaN) * 1000
  const delay = Math.min(asked >= 0 ? asked : retryDelay * 2 ** (attempt - 1), 60_000)
  await sleep(delay, undefined, { signal }).catch(() => signal?.throwIfAborted())
}

/** One request with its redirects; an error of the network is returned. */
async function fetchOnce(
  address: string,
  { endpoint, token }: HubSettings,
  from: number,
  signal: AbortSignal | undefined,
): Promise<Response | Error> {
  const home = new URL(endpoint)
  let target = new URL(address)
  try {
    for (let hop = 0; hop <= redirects; hop++) {
      const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'sae-match' }
      if (token !== null && target.origin === home.origin) headers.authorization = `Bearer ${token}`
      if (from > 0) headers.range = `bytes=${from}-`
      const waiting = AbortSignal.timeout(patience)
      // only the head of the answer is waited for with this patience; the body has its own
      const response = await fetchHead(target, headers, waiting, signal)
      const next = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || next === null) return response
      await response.body?.cancel().catch(() => {})
      const to = new URL(next, target)
      if (to.protocol !== 'https:' && to.protocol !== home.protocol) return new Error(`it redirects to ${to.protocol}`)
      target = to
    }
    return new Error(`more than ${redirects} redirects`)
  } catch (error) {
    signal?.throwIfAborted()
    return error as Error
  }
}

async function fetchHead(
  target: URL,
  headers: Record<string, string>,
  waiting: AbortSignal,
  signal: AbortSignal | undefined,
) {
  const stop = new AbortController()
  const give = () => stop.abort(waiting.reason)
  const end = () => stop.abort(signal?.reason)
  waiting.addEventListener('abort', give)
  signal?.addEventListener('abort', end)
  try {
    return await fetch(target, { headers, redirect: 'manual', signal: stop.signal })
  } finally {
    waiting.removeEventListener('abort', give)
    signal?.removeEventListener('abort', end)
  }
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

function refused(
  { status, headers }: Response,
  address: string,
  reference: HubReference,
  { token }: HubSettings,
): SaeMatchError {
  const place = formatReference(reference)
  const said = headers.get('x-error-message')?.slice(0, 200)
  const answer = `the hub answers ${status}${said ? ` (${said})` : ''} at ${address}`
  if (status === 401 || status === 403) {
    return new SaeMatchError('HUB_ACCESS', `Cannot read ${place}: ${answer}`, {
      hint:
        token === null
          ? 'A repository that is private or gated asks for a token: set HF_TOKEN. It may also be misspelt.'
          : 'The token may not read this repository, or the repository is misspelt. A gated one asks you to accept its terms on its page.',
    })
  }
  if (status === 404) {
    return new SaeMatchError('HUB_NOT_FOUND', `Cannot find ${place}: ${answer}`, {
      hint: 'Check repository, revision and path; case matters.',
    })
  }
  return new SaeMatchError('HUB_UNAVAILABLE', `Cannot read ${place}: ${answer}`, {
    hint:
      status === 429
        ? 'The hub limits requests: wait, or set HF_TOKEN.'
        : 'Try again later; what is there already is kept.',
  })
}

function unreachable({ endpoint }: HubSettings, cause: Error): SaeMatchError {
  return new SaeMatchError('HUB_UNAVAILABLE', `Cannot reach ${endpoint}: ${causeText(cause)}`, {
    hint: 'Check the network. HF_ENDPOINT names another host; with HF_HUB_OFFLINE=1 only the cache is read.',
    cause,
  })
}

/** The reason below `fetch failed`. */
export function causeText(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } }
  const below = cause?.message || cause?.code
  return below ? `${message}: ${below}` : String(message)
}
