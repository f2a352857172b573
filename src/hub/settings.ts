import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { wrongValue } from '../errors.js'

/** Where the hub is and where its files are kept, by the environment variables that every client of the hub reads. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string
  /** Sent to the endpoint's own origin and to nobody else. */
  readonly token: string | null
  /** Only what is in the cache already. */
  readonly offline: boolean
  /** The root of the cache. */
  readonly cache: string
  /** Milliseconds before the first repetition of a request that failed; twice as many before every further one. */
  readonly retryDelay: number
}

/**
 * Reads `HF_ENDPOINT`, `HF_TOKEN` (or the token file of `hf auth login`), `HF_HUB_OFFLINE`, and the cache from
 * `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME` or `XDG_CACHE_HOME`, in this order.
 *
 * @throws RangeError `INVALID_ARGUMENT` for an endpoint that is no http address, or a token that no request can carry
 */
export function hubSettings(environment: NodeJS.ProcessEnv = process.env): HubSettings {
  const home = environment.HF_HOME || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  return {
    endpoint: readEndpoint(environment.HF_ENDPOINT || 'https://huggingface.co'),
    token: checkedToken(
      environment.HF_TOKEN?.trim() || readTokenFile(environment.HF_TOKEN_PATH || join(home, 'token')),
    ),
    offline: /^(1|on|true|yes)$/i.test(environment.HF_HUB_OFFLINE ?? ''),
    cache: environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(home, 'hub'),
    retryDelay: 500,
  }
}

function readEndpoint(text: string): string {
  const address = URL.canParse(text) ? new URL(text) : null
  if (address === null || !/^https?:$/.test(address.protocol) || address.username !== '' || address.search !== '') {
    throw wrongValue('HF_ENDPOINT', 'an address such as https://huggingface.co', text)
  }
  return text.replace(/\/+$/, '')
}

/** What is no token would be shown whole in the error of the request. */
function checkedToken(token: string | null): string | null {
  if (token === null || /^[\x21-\x7e]+$/.test(token)) return token
  throw Object.assign(
    new RangeError('Expected one word of printable characters for `HF_TOKEN` or in the token file, got something else'),
    { code: 'INVALID_ARGUMENT' as const },
  )
}

function readTokenFile(path: string): string | null {
  try {
    return (existsSync(path) && readFileSync(path, 'utf8').trim()) || null
  } catch {
    return null
  }
}
