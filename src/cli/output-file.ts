import { extname } from 'node:path'
import { ensureWritableFile } from '../output/atomic-file.js'
import { type Arguments, UsageError } from './arguments.js'

/**
 * The file that a result goes to, and its format by its extension.
 *
 * @throws UsageError for another extension, SaeMatchError `OUTPUT_FAILED` where it cannot be written
 */
export async function readOutput<Format extends string>(
  args: Arguments,
  name: string,
  formats: readonly Format[],
): Promise<{ readonly path: string; readonly format: Format } | null> {
  const path = args.text(name)
  if (path === undefined) return null
  const format = formats.find((known) => extname(path).toLowerCase() === `.${known}`)
  if (format === undefined) {
    throw new UsageError(
      `Expected a file that ends in ${formats.map((known) => `.${known}`).join(', ')} for --${name}, got ${path}`,
    )
  }
  await ensureWritableFile(path)
  return { path, format }
}
