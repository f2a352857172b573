import type { SaeRows } from '../sae/rows.js'
import type { Sae } from '../sae/sae.js'

/** What was doubtful about an SAE when it was loaded, with its name. */
export function loadingWarnings({ source, warnings }: Sae): string[] {
  return warnings.map((warning) => `${source.path}: ${warning}`)
}

/** How many features could not be folded, and what became of them. */
export function unfoldableWarnings(
  { source }: Sae,
  { unfoldable }: SaeRows,
  treatment: 'exclude' | 'median',
): string[] {
  if (unfoldable.length === 0) return []
  const what = unfoldable.length === 1 ? '1 feature has' : `${unfoldable.length} features have`
  const done = treatment === 'exclude' ? 'left out' : 'given the median'
  return [`${source.path}: ${what} a threshold that cannot be folded (${done}).`]
}
