import type { BackendName } from '../../src/backend/backend.js'
import { loadAddon } from '../../src/backend/load.js'

const native = loadAddon().failure
if (native !== null && process.env.REQUIRE_BACKEND === 'native') throw new Error(native.message)

/** The backends that work here; `REQUIRE_BACKEND=native` makes a missing addon an error. */
export const availableBackends: readonly BackendName[] = native === null ? ['typescript', 'native'] : ['typescript']
