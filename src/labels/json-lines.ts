import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { SaeMatchError } from '../errors.js'

/** A line longer than this is no record of a feature. */
const longestLine = 2 ** 24

/** A JSON object of a file, and where it stands: `batch-0.jsonl.gz:12`. */
export interface JsonLine {
  readonly value: Record<string, unknown>
  readonly where: string
}

/**
 * The objects of files of JSON, one a line, as they are or compressed by gzip. A folder stands for all such files in it, by
 * name. Streamed: a file may be bigger than memory.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID` for a line that is no JSON object; the reason of `signal`
 */
export async function* readJsonLines(path: string, signal?: AbortSignal): AsyncGenerator<JsonLine> {
  for (const file of await filesAt(path)) {
    let number = 0
    for await (const line of linesOf(file, signal)) {
      number++
      if (line.trim() === '') continue
      yield { value: parseLine(line, `${file}:${number}`), where: `${file}:${number}` }
    }
  }
}

async function filesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => /\.jsonl(\.gz)?$/.test(name))
    const { compare } = new Intl.Collator('en', { numeric: true })
    if (names.length > 0) return names.sort(compare).map((name) => join(path, name))
  } catch (cause) {
    throw unreadable(path, cause)
  }
  throw new SaeMatchError('FORMAT_INVALID', `${path}: expected files .jsonl or .jsonl.gz, found none`)
}

async function* linesOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const stored = createReadStream(file, { highWaterMark: 2 ** 18 })
  const text = file.endsWith('.gz') ? stored.on('error', (error) => text.destroy(error)).pipe(createGunzip()) : stored
  let rest = ''
  try {
    for await (const piece of text.setEncoding('utf8')) {
      signal?.throwIfAborted()
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      if (rest.length > longestLine) throw new SaeMatchError('FORMAT_INVALID', `${file}: a line is longer than 16 MiB`)
      yield* lines
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof SaeMatchError ? cause : unreadable(file, cause)
  } finally {
    stored.destroy()
  }
  if (rest !== '') yield rest
}

function parseLine(line: string, where: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new SaeMatchError('FORMAT_INVALID', `${where}: ${(cause as Error).message}`, { cause })
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new SaeMatchError('FORMAT_INVALID', `${where}: expected a JSON object, found ${line.slice(0, 60)}`)
}

/** The index of a feature, which Neuronpedia writes as text. @throws SaeMatchError `FORMAT_INVALID` */
export function featureIndex({ value, where }: JsonLine): number {
  const { index } = value
  const isIndex =
    (typeof index === 'string' && /^\d{1,9}$/.test(index)) || (Number.isSafeInteger(index) && Number(index) >= 0)
  if (isIndex) return Number(index)
  throw new SaeMatchError(
    'FORMAT_INVALID',
    `${where}: expected the number of a feature in \`index\`, found ${JSON.stringify(index)}`,
  )
}

function unreadable(path: string, cause: unknown): SaeMatchError {
  const { code, message } = cause as NodeJS.ErrnoException
  const kind = code?.startsWith('Z_') || code === 'ERR_INVALID_ARG_VALUE' ? 'FORMAT_INVALID' : 'FILE_NOT_FOUND'
  return new SaeMatchError(kind, `Cannot read ${path}: ${message}`, { cause })
}
