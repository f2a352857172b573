import type { Backend, BackendName, RowSign, RunControl } from '../backend/backend.js'
import type { SaeRows } from '../sae/rows.js'
import { featureOfRow } from './score.js'

/** What every feature of one side finds nearest on the other, [features, k] row-major, nearest first. */
export interface FoundFeatures {
  /** -1 where there are no more, and for features that have no row */
  readonly feature: Int32Array
  /** exact; NaN where there is no feature */
  readonly cost: Float64Array
  /** the one that found them */
  readonly backend: BackendName
}

/**
 * The nearest features of B for every feature of A by the costs of their rows: exact, ties to the lower index.
 *
 * @param b rows made with the same options as those of A
 * @param self leaves out every row's own: one more is asked for, and where it is not among them the last one goes
 */
export async function nearestFeatures(
  a: SaeRows,
  b: SaeRows,
  { k, self, sign = 'same' }: { readonly k: number; readonly self: boolean; readonly sign?: RowSign },
  backend: Backend,
  control: RunControl,
): Promise<FoundFeatures> {
  const count = Math.min(self ? k + 1 : k, b.count)
  const nearest = await backend.nearestRows(a, b, count, control, sign)
  const features = a.blocks[0].matrix.rows
  const [ofA, ofB] = [featureOfRow(a), featureOfRow(b)]
  const feature = new Int32Array(features * k).fill(-1)
  const cost = new Float64Array(features * k).fill(Number.NaN)
  for (let row = 0; row < a.count; row++) {
    let place = ofA(row) * k
    const end = place + k
    for (let s = row * count; s < (row + 1) * count && place < end; s++) {
      if (self && nearest.index[s] === row) continue
      feature[place] = ofB(nearest.index[s])
      cost[place++] = nearest.cost[s]
    }
  }
  return { feature, cost, backend: nearest.backend }
}
