import { pathToFileURL } from 'node:url'

/**
 * A file or folder of this package, given relative to the compiled `backend/`. A bundle in CommonJS does not know where
 * it lies: what is then given is beside Node itself, where nothing of this package is found.
 */
export function inPackage(relative: string): URL {
  const here = import.meta.url as string | undefined
  return new URL(relative, here ?? pathToFileURL(process.execPath))
}
