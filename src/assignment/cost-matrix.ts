import type { RunControl } from '../backend/backend.js'
import { type BackendRequest, getBackend } from '../backend/select.js'
import type { Rows } from '../sae/rows.js'
import { rejectUnknownOptions } from '../validate.js'
import { checkRowPair } from './check-rows.js'

/** Options of {@link costMatrix}. */
export interface CostMatrixOptions extends RunControl {
  /** Default `auto`: the best one that works here. */
  readonly backend?: BackendRequest | undefined
}

/**
 * The squared distances of two sets of feature rows, [a.count, b.count] row-major in f32: one matrix product, each
 * entry within the rounding of that product. `solveAssignment({ a, b })` needs no such matrix and is exact.
 * @throws TypeError, RangeError; SaeMatchError `UNKNOWN_OPTION`, `OUT_OF_MEMORY`, or a backend's reason;
 *   `signal.reason` when aborted
 */
export async function costMatrix(a: Rows, b: Rows, options: CostMatrixOptions = {}): Promise<Float32Array> {
  rejectUnknownOptions(options, ['backend', 'signal', 'onProgress'])
  checkRowPair('', a, b)
  const { backend = 'auto', signal, onProgress } = options
  return (await getBackend(backend)).costMatrix(a, b, { signal, onProgress })
}
