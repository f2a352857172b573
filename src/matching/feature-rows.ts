import { type BackendRequest, getBackend } from '../backend/select.js'
import { type RowOptions, featureRows as rowsOf, type SaeRows } from '../sae/rows.js'
import { requireSae, type Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'

/** Options of {@link featureRows}. */
export interface FeatureRowsOptions extends RowOptions {
  /** Which backend computes the norms that some scales need. Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendRequest | undefined
}

/**
 * The rows by which the features of an SAE are compared: a view of its tensors with a scale per row, for
 * `solveAssignment({ a, b })` and `costMatrix`.
 *
 * @param sae n features of width d
 * @returns at most n rows (fewer where features that cannot be folded are left out) of up to 2 d + 1 columns: a block
 *   for each term of weight above 0
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `UNKNOWN_OPTION`; `THRESHOLD_MISSING` for `fold` of
 *   an SAE without thresholds; a backend's reason
 */
export async function featureRows(sae: Sae, options: FeatureRowsOptions = {}): Promise<SaeRows> {
  requireSae('sae', sae)
  rejectUnknownOptions(options, ['scale', 'weights', 'unfoldable', 'backend'])
  const { backend = 'auto', ...rowOptions } = options
  return rowsOf(sae, rowOptions, await getBackend(backend))
}
