import pc from 'picocolors'

/** What the commands write to. */
export interface Terminal {
  /** Results: standard output. */
  readonly print: (text: string) => void
  /** Everything else: standard error, in the place of a line that was drawn. */
  readonly note: (text: string) => void
  /** Draws over the last line of standard error. Does nothing where that is not a terminal. */
  readonly redraw: (text: string) => void
  /** Whether standard error is a terminal, where a line can be drawn over. */
  readonly live: boolean
  /** Columns of the window. */
  readonly width: number
  /** For standard output. */
  readonly colors: Colors
  /** For standard error. */
  readonly noteColors: Colors
}

export type Colors = ReturnType<typeof pc.createColors>

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process
  // a reader that has seen enough (`| head`) is no failure
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
    throw error
  })
  const live = stderr.isTTY === true && process.env.TERM !== 'dumb'
  const clear = live ? '\r\u001b[2K' : ''
  // what Node says of a warning, too, begins on a line of its own
  process.prependListener('warning', () => stderr.write(clear))
  return {
    print: (text) => void stdout.write(`${withoutControls(text)}\n`),
    note: (text) => void stderr.write(`${clear}${withoutControls(text)}\n`),
    redraw: (text) => {
      if (live) stderr.write(`${clear}${withoutControls(text)}`)
    },
    live,
    width: Math.max(40, stdout.columns ?? stderr.columns ?? 80),
    colors: pc.createColors(wantsColor(stdout)),
    noteColors: pc.createColors(wantsColor(stderr)),
  }
}

/**
 * A text whose control characters are written out as JSON does it, but for tabs, ends of lines and the escapes of
 * colours: names come from files of strangers and must not move the cursor or erase what stands on a terminal.
 */
export function withoutControls(text: string): string {
  return text.replace(/(\p{Cc})(\[[\d;]*m)?/gu, (found, control: string, color = '') => {
    if (control === '\t' || control === '\n' || (control === '\u001b' && color !== '')) return found
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}${color}`
  })
}

/** `NO_COLOR` and `FORCE_COLOR` are respected; otherwise colour is for terminals. */
function wantsColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0'
  return stream.isTTY === true && TERM !== 'dumb'
}
