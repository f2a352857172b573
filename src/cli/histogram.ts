const eighths = ' ▁▂▃▄▅▆▇█'

/** Counts as a line of bars; the fullest bin is a whole block, and a bin that is not empty is never invisible. */
export function bars(counts: readonly number[]): string {
  const most = Math.max(...counts, 1)
  return counts.map((count) => eighths[count === 0 ? 0 : Math.max(1, Math.round((count / most) * 8))]).join('')
}
