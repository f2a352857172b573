import pc from 'picocolors'

/** What the commands write to. */
export interface Terminal {
  /** Results: standard output. */
  readonly print: (text: string) => void
  /** Everything else: standard error. */
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
  return {
    print: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    redraw: (text) => {
      if (live) stderr.write(`\r\u001b[2K${text}`)
    },
    live,
    width: Math.max(40, stdout.columns ?? stderr.columns ?? 80),
    colors: pc.createColors(wantsColor(stdout)),
    noteColors: pc.createColors(wantsColor(stderr)),
  }
}

/** `NO_COLOR` and `FORCE_COLOR` are respected; otherwise colour is for terminals. */
function wantsColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0'
  return stream.isTTY === true && TERM !== 'dumb'
}
