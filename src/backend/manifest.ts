import { readFileSync } from 'node:fs'

// For runs from the sources. scripts/build-typescript.mjs puts constants in the place of the compiled file: dist/ may be
// copied or bundled to where this package's manifest is not.
const { version: own, config } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
  config: { glibc: string }
}

/** Of this package. */
export const version: string = own

/** The newest glibc that the shipped addon may need. */
export const glibcLimit: string = config.glibc
