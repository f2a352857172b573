import type { SaeRows } from '../sae/rows.js'
import type { Sae } from '../sae/sae.js'

/** What was doubtful about an SAE when it was loaded, with its name. */
export function loadingWarnings({ source, warnings }: Sae): string[] {
  return warnings.map((warning) => `${source.path}: ${warning}`)
}

/** How many features could not be folded, and what became of them; how many were left out. */
export function rowWarnings({ source }: Sae, { unfoldable, dead }: SaeRows, treatment: 'exclude' | 'median'): string[] {
  const warnings: string[] = []
  if (unfoldable.length > 0) {
    const what = unfoldable.length === 1 ? '1 feature has' : `${unfoldable.length} features have`
    const done = treatment === 'exclude' ? 'left out' : 'given the median'
    warnings.push(`${source.path}: ${what} a threshold that cannot be folded (${done}).`)
  }
  if (dead.length > 0) {
    warnings.push(
      `${source.path}: ${dead.length === 1 ? '1 dead feature is' : `${dead.length} dead features are`} left out.`,
    )
  }
  return warnings
}
