import pc from 'picocolors'
import type { Terminal } from '../../src/cli/terminal.js'

/** A terminal of 60 columns that keeps what is written to standard error. */
export function fakeTerminal(live: boolean) {
  const notes: string[] = []
  const drawn: string[] = []
  const colors = pc.createColors(false)
  const terminal: Terminal = {
    print: () => {},
    note: (text) => notes.push(text),
    redraw: (text) => drawn.push(text),
    live,
    width: 60,
    colors,
    noteColors: colors,
  }
  return { terminal, notes, drawn }
}
