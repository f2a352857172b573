import type { PairsProgress } from '../pairs/result.js'
import { duration } from './numbers.js'
import { pairTitle } from './run-pairs.js'
import type { Terminal } from './terminal.js'

/** Shows how far a run of many pairs is: one line drawn over and over on a terminal, a line a pair everywhere. */
export interface PairsDisplay {
  readonly update: (progress: PairsProgress) => void
  /** A line that stays, about a pair that is finished; with the next update it says how far the run is. */
  readonly finished: (text: string) => void
  /** Any other line that stays. */
  readonly say: (text: string) => void
  /** Takes the drawn line off the terminal. */
  readonly clear: () => void
}

const redrawMilliseconds = 100
const logMilliseconds = 30_000

/** @param quiet shows nothing at all */
export function createPairsProgress(terminal: Terminal, quiet: boolean, now: () => number = Date.now): PairsDisplay {
  if (quiet) return { update: () => {}, finished: () => {}, say: () => {}, clear: () => {} }
  let shown = Number.NEGATIVE_INFINITY
  let finished: string[] = []
  const atWork = new Map<string, PairAtWork>() // in the order in which they began
  const note = (text: string) => {
    terminal.redraw('')
    terminal.note(text)
  }
  return {
    update: (progress) => {
      const time = now()
      const title = pairTitle(progress.a, progress.b)
      if (progress.phase === 'write') atWork.delete(title)
      else atWork.set(title, { title, phase: progress.phase })
      for (const text of finished) note(`${text}  [${overall(progress)}]`)
      const news = finished.length > 0
      finished = []
      if (!news && time - shown < (terminal.live ? redrawMilliseconds : logMilliseconds)) return
      shown = time
      const line = pairsLine(progress, [...atWork.values()], terminal.live)
      if (terminal.live) terminal.redraw(line.slice(0, terminal.width - 1))
      else if (!news) terminal.note(line)
    },
    finished: (text) => finished.push(text),
    say: note,
    clear: () => terminal.redraw(''),
  }
}

interface PairAtWork {
  readonly title: string
  readonly phase: string
}

/**
 * `━━━━────────────────  3/15 pairs, 1 min 4 s left  layer_12 → layer_13  solve`: of several pairs the one that began
 * first, so that names do not change many times a second, and how many others there are.
 */
export function pairsLine(progress: PairsProgress, atWork: readonly PairAtWork[], bar: boolean): string {
  const { pairsDone, pairsTotal } = progress
  const share = pairsTotal > 0 ? pairsDone / pairsTotal : 1
  const full = Math.round(share * 20)
  const drawn = bar ? `${'━'.repeat(full)}${'─'.repeat(20 - full)}  ` : ''
  const [first, ...others] = atWork
  const shown = first === undefined ? [] : [first.title, first.phase]
  if (others.length > 0) shown.push(`and ${others.length} ${others.length === 1 ? 'other' : 'others'}`)
  return [`${drawn}${overall(progress)}`, ...shown].join('  ')
}

/** `3/15 pairs, 1 min 4 s left` */
function overall({ pairsDone, pairsTotal, millisecondsLeft }: PairsProgress): string {
  const left = millisecondsLeft === null || pairsDone === pairsTotal ? '' : `, ${duration(millisecondsLeft)} left`
  return `${pairsDone}/${pairsTotal} pairs${left}`
}
