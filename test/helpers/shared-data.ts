import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path =
  process.env.SAE_MATCH_SHARED_DATA ?? fileURLToPath(new URL('../../../shared/data/smollm2', import.meta.url))

/** The folder of real SAEs: `SAE_MATCH_SHARED_DATA`, or the one beside the repository; null where there is none. */
export const sharedData: string | null = existsSync(path) ? path : null

/** What stands in the name of a test that is skipped without the real SAEs. */
export const needsSharedData = sharedData === null ? ' (skipped: no ../shared/data/smollm2)' : ''
