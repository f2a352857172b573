import { describe, SaeMatchError } from '../errors.js'
import { openFile, readBytes, type SourceFile } from './file.js'

/** A JSON file that holds one object. */
export interface JsonFile {
  readonly file: SourceFile
  readonly fields: JsonFields
}

/** The fields of a JSON object; a Map, so that no name of a file meets JavaScript's own. */
export type JsonFields = ReadonlyMap<string, unknown>

interface Kinds {
  string: string
  number: number
  boolean: boolean
  object: JsonFields
}

const maximumBytes = 2 ** 24

/** Reads a configuration file. @throws `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_INVALID` */
export async function readJson(path: string): Promise<JsonFile> {
  const file = await openFile(path)
  try {
    if (file.bytes > maximumBytes) {
      throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a configuration, found ${file.bytes} bytes`)
    }
    const text = (await readBytes(file, 0, file.bytes)).toString('utf8')
    const fields = fieldsOf(JSON.parse(text))
    if (fields === null) throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a JSON object`)
    return { file: { path, bytes: file.bytes, modified: file.modified }, fields }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new SaeMatchError('FORMAT_INVALID', `${path} is not JSON: ${cause.message}`, { cause })
  } finally {
    await file.handle.close()
  }
}

/** As {@link readJson}, or null where there is no such file. */
export async function readOptionalJson(path: string): Promise<JsonFile | null> {
  try {
    return await readJson(path)
  } catch (error) {
    if (error instanceof SaeMatchError && error.code === 'FILE_NOT_FOUND') return null
    throw error
  }
}

/**
 * The first of `names` that is present and not null, or null.
 * @throws `FORMAT_INVALID` where it is not of that kind.
 */
export function jsonField<K extends keyof Kinds>(
  path: string,
  fields: JsonFields,
  kind: K,
  ...names: string[]
): Kinds[K] | null {
  for (const name of names) {
    const value = fields.get(name) ?? null
    if (value === null) continue
    const found = kind === 'object' ? fieldsOf(value) : value
    if (found !== null && (kind === 'object' || typeof found === kind)) return found as Kinds[K]
    const message = `${path}: expected ${kind === 'object' ? 'an' : 'a'} ${kind} for "${name}", found ${describe(value)}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  return null
}

/** A positive integer, or null where the field is absent. @throws `FORMAT_INVALID` */
export function jsonSize(path: string, fields: JsonFields, ...names: string[]): number | null {
  const value = jsonField(path, fields, 'number', ...names)
  if (value === null || (Number.isSafeInteger(value) && value > 0)) return value
  const message = `${path}: expected a positive integer for "${names.join('" or "')}", found ${value}`
  throw new SaeMatchError('FORMAT_INVALID', message)
}

function fieldsOf(value: unknown): JsonFields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null
}
