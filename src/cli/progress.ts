import type { Progress } from '../backend/backend.js'
import { duration } from './numbers.js'
import type { Terminal } from './terminal.js'

/** Shows how far a command is: one line drawn over and over on a terminal, a plain line now and then in a log. */
export interface ProgressDisplay {
  /** Names what is being done now, e.g. `layer_12 -> layer_13`. */
  readonly begin: (title: string) => void
  readonly update: (progress: Progress) => void
  /** Takes the line off the terminal; call it before printing anything else. */
  readonly clear: () => void
}

const redrawMilliseconds = 100
const logMilliseconds = 10_000

/** @param quiet shows nothing at all */
export function createProgress(terminal: Terminal, quiet: boolean, now: () => number = Date.now): ProgressDisplay {
  if (quiet) return { begin: () => {}, update: () => {}, clear: () => {} }
  let title = ''
  let phase = ''
  let phaseStart = 0
  let shown = 0
  return {
    begin: (next) => {
      title = next
      phase = ''
      shown = now()
      if (terminal.live) terminal.redraw(title)
      else terminal.note(title)
    },
    update: (progress) => {
      const time = now()
      if (progress.phase !== phase) {
        phase = progress.phase
        phaseStart = time
      }
      if (time - shown < (terminal.live ? redrawMilliseconds : logMilliseconds)) return
      shown = time
      const line = progressLine(title, progress, time - phaseStart, terminal.live)
      if (terminal.live) terminal.redraw(line.slice(0, terminal.width - 1))
      else terminal.note(line)
    },
    clear: () => terminal.redraw(''),
  }
}

/** `layer_12 -> layer_13  solve  ━━━━━━━━────────  45 %  3.2 s left` */
export function progressLine(title: string, { phase, done, total }: Progress, elapsed: number, bar: boolean): string {
  const share = total > 0 ? Math.min(done / total, 1) : 0
  // the first moments tell nothing about the rest
  const left = elapsed >= 1000 && share > 0 && share < 1 ? `  ${duration((elapsed / share) * (1 - share))} left` : ''
  const full = Math.round(share * 20)
  const drawn = bar ? `  ${'━'.repeat(full)}${'─'.repeat(20 - full)}` : ''
  return `${title}  ${phase}${drawn}  ${Math.floor(share * 100)} %${left}`
}
