import type { BackendName } from '../../src/backend/backend.js'
import { loadCuda } from '../../src/backend/cuda.js'
import { loadAddon } from '../../src/backend/load.js'

const required = process.env.REQUIRE_BACKEND

const native = loadAddon().failure
if (native !== null && (required === 'native' || required === 'cuda')) throw new Error(native.message)

// Only where it is asked for: not every test on a machine with a GPU is to wait for it.
const cuda = required === 'cuda' ? loadCuda().failure : null
if (cuda !== null) throw new Error(`${cuda.code}: ${cuda.message}`)

/**
 * The backends that work here; `REQUIRE_BACKEND=native` makes a missing addon an error, `REQUIRE_BACKEND=cuda` a GPU
 * that cannot be used.
 */
export const availableBackends: readonly BackendName[] =
  native !== null ? ['typescript'] : required === 'cuda' ? ['typescript', 'native', 'cuda'] : ['typescript', 'native']
