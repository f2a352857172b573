import type { Arguments, OptionSpecs } from './arguments.js'
import type { Terminal } from './terminal.js'

/** One command of the command line. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What the positional arguments are called; `[NAME]` may be left out, `NAME...` stands for one or more, `[NAME...]` for any number. */
  readonly positionals: readonly string[]
  readonly options: OptionSpecs
  /** What the command does, in paragraphs. */
  readonly details: readonly string[]
  readonly examples: readonly string[]
  readonly run: (args: Arguments, context: CommandContext) => Promise<void>
}

export interface CommandContext {
  readonly terminal: Terminal
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

/** Options that every command has. */
export const commonOptions: OptionSpecs = {
  json: { help: 'print exactly one JSON object on standard output, everything else on standard error' },
  quiet: { short: 'q', help: 'no progress, no notes' },
  help: { short: 'h', help: 'this text' },
}
