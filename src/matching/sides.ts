import type { Backend } from '../backend/backend.js'
import { alignSae } from '../sae/align.js'
import { foldingFactors } from '../sae/fold.js'
import { featureRows, type SaeRows, type Scale, weightPresets } from '../sae/rows.js'
import type { Sae } from '../sae/sae.js'
import type { RowSettings } from './options.js'
import type { Scoring } from './score.js'

/** Two SAEs and the rows by which they are matched. */
export interface Sides {
  /** In the space of B. */
  readonly a: Sae
  readonly b: Sae
  readonly aRows: SaeRows
  readonly bRows: SaeRows
}

/** The rows of both SAEs in the scale of the match. */
export async function openSides(
  a: Sae,
  b: Sae,
  settings: RowSettings,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Sides> {
  const { scale, alignment, weights, unfoldable, dead } = settings
  const [aScale, bScale] = scalesOf(scale)
  const moved = alignment === null ? a : await alignSae(a, alignment, backend, signal)
  return {
    a: moved,
    b,
    aRows: await featureRows(moved, { scale: aScale, weights, unfoldable, dead: dead[0] }, backend),
    bRows: await featureRows(b, { scale: bScale, weights, unfoldable, dead: dead[1] }, backend),
  }
}

/**
 * The rows in which pairs are scored: folded wherever both SAEs have thresholds, whatever the match itself looked at, so
 * that the scores of all matches can be held against each other (docs/method.md#scores-of-pairs); in the scale of the match otherwise.
 */
export async function openScoring(
  { a, b, aRows }: Sides,
  { scale, weights, unfoldable }: RowSettings,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<{ scoring: Scoring; scoredScale: SaeRows['scale'] }> {
  const open = async ([aScale, bScale]: readonly Scale[]): Promise<Scoring> => {
    const whole = { weights: weightPresets.all, unfoldable }
    const [aScored, bScored] = [
      await featureRows(a, { scale: aScale, ...whole }, backend),
      await featureRows(b, { scale: bScale, ...whole }, backend),
    ]
    const norms = (rows: SaeRows) => {
      signal?.throwIfAborted()
      return backend.squaredBlockNorms(rows, { signal })
    }
    const [aNorms, bNorms] = [await norms(aScored), await norms(bScored)]
    return { backend, a: aScored, b: bScored, aNorms, bNorms, weights, signal }
  }
  if (canBeFolded(a) && canBeFolded(b)) return { scoring: await open(['fold', 'fold']), scoredScale: 'fold' }
  return { scoring: await open(scalesOf(scale)), scoredScale: aRows.scale }
}

function canBeFolded({ threshold, folded }: Sae): boolean {
  return threshold !== null && foldingFactors(threshold, folded).unfoldable.length < threshold.length
}

/** The scales of A and of B. */
function scalesOf(scale: RowSettings['scale']): readonly Scale[] {
  return typeof scale === 'string' ? [scale, scale] : scale.stat.map((stat) => ({ stat }))
}
