import type { BackendName } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { readCheckpoint } from '../formats/detect.js'
import type { CheckpointOptions } from '../formats/family.js'
import { canonicalSae } from '../sae/canonical.js'
import type { Sae } from '../sae/sae.js'

export interface LoadOptions extends CheckpointOptions {
  /** Which backend computes what absorbing the decoder bias takes. Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendName | 'auto' | undefined
  /** The checkpoint family; by default the names of the files decide. */
  readonly format?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads the sparse autoencoder at `path`, a file or the folder it lies in, and brings it into canonical form
 * (docs/method.md#canonical-form).
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_INVALID`, `TENSOR_MISSING`,
 * `TENSOR_SHAPE`, `TENSOR_DTYPE`, `TENSOR_NOT_FINITE`, `ARCHITECTURE_UNKNOWN`; the reason of `signal`
 */
export async function loadSae(path: string, options: LoadOptions = {}): Promise<Sae> {
  const { backend = 'auto', signal, ...checkpoint } = options
  signal?.throwIfAborted()
  const math = await getBackend(backend)
  const stored = await readCheckpoint(path, checkpoint)
  signal?.throwIfAborted()
  return canonicalSae(stored, math)
}
