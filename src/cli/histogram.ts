const eighthsUp = ' ▁▂▃▄▅▆▇█'
const eighthsAcross = ' ▏▎▍▌▋▊▉█'

/**
 * Counts as columns of a chart, top line first; the fullest bin reaches the top, and a bin that is not empty is never
 * invisible.
 *
 * @param height lines
 * @param width characters of a bin
 */
export function columnChart(counts: readonly number[], height: number, width: number): string[] {
  const most = Math.max(...counts, 1)
  const levels = counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.round((count / most) * height * 8))))
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8
    return levels.map((level) => eighthsUp[Math.min(Math.max(level - below, 0), 8)].repeat(width)).join('')
  })
}

/** A share of `width` characters as a bar to the right. */
export function bar(share: number, width: number): string {
  const level = Math.round(Math.min(Math.max(share, 0), 1) * width * 8) || 0
  const rest = level % 8
  return '█'.repeat(Math.floor(level / 8)) + (rest === 0 ? '' : eighthsAcross[rest])
}
