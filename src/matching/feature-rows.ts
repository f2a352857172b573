import { type BackendRequest, getBackend } from '../backend/select.js'
import { type RowOptions, featureRows as rowsOf, type SaeRows } from '../sae/rows.js'
import type { Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'

export interface FeatureRowsOptions extends RowOptions {
  /** Which backend computes the norms that some scales need. Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendRequest | undefined
}

/**
 * The rows by which the features of an SAE are compared: a view of its tensors with a scale per row, for
 * `solveAssignment({ a, b })` and `costMatrix`.
 * @throws RangeError; SaeMatchError `UNKNOWN_OPTION`; `THRESHOLD_MISSING` for `fold` of an SAE without thresholds
 */
export async function featureRows(sae: Sae, options: FeatureRowsOptions = {}): Promise<SaeRows> {
  rejectUnknownOptions(options, ['scale', 'weights', 'unfoldable', 'backend'])
  const { backend = 'auto', ...rowOptions } = options
  return rowsOf(sae, rowOptions, await getBackend(backend))
}
