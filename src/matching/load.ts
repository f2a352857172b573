import type { BackendName } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { wrongType } from '../errors.js'
import { readCheckpoint } from '../formats/detect.js'
import type { CheckpointOptions } from '../formats/family.js'
import { resolveSae } from '../hub/resolve.js'
import { canonicalSae } from '../sae/canonical.js'
import type { Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'

/** Options of {@link loadSae}. */
export interface LoadOptions extends CheckpointOptions {
  /** Which backend computes what absorbing the decoder bias takes. Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendName | 'auto' | undefined
  /** The checkpoint family; by default the names of the files decide. */
  readonly format?: string | undefined
  /** Ends reading; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

const optionNames = ['activationScale', 'backend', 'format', 'signal'] as const satisfies readonly (keyof LoadOptions)[]

/**
 * Reads the sparse autoencoder at `path`, a file or the folder it lies in, and brings it into canonical form
 * (docs/method.md#canonical-form).
 *
 * @param path e.g. `layer_20/width_16k/average_l0_71/params.npz`, or the folder of `cfg.json` and
 *   `sae_weights.safetensors`; on the hub `hf://owner/name/path[@revision]`, which is downloaded unless it is in the cache
 * @returns the SAE with its big tensors as they are stored; what is doubtful about it is in its `warnings`
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `UNKNOWN_OPTION`, `FILE_NOT_FOUND`,
 *   `FILE_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_INVALID`, `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`,
 *   `TENSOR_NOT_FINITE`, `ARCHITECTURE_UNKNOWN`, and those of `resolveSaes`; the reason of `signal`
 */
export async function loadSae(path: string, options: LoadOptions = {}): Promise<Sae> {
  if (typeof path !== 'string') throw wrongType('path', 'a string', path)
  rejectUnknownOptions(options, optionNames)
  const { backend = 'auto', ...reading } = options
  const { signal } = reading
  signal?.throwIfAborted()
  const math = await getBackend(backend)
  const stored = await readCheckpoint(await resolveSae(path, { signal }), reading)
  signal?.throwIfAborted()
  return canonicalSae(stored, math)
}
