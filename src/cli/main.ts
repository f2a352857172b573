#!/usr/bin/env node
import { version } from '../backend/manifest.js'
import { SaeMatchError } from '../errors.js'
import { readArguments, UsageError, unknown } from './arguments.js'
import { benchCommand } from './bench.js'
import { type Command, commonOptions } from './command.js'
import { composeCommand } from './compose.js'
import { consistencyCommand } from './consistency.js'
import { demoCommand } from './demo.js'
import { doctorCommand } from './doctor.js'
import { evaluateCommand } from './evaluate.js'
import { exportCommand } from './export.js'
import { figuresCommand } from './figures.js'
import { commandHelp, generalHelp } from './help.js'
import { inspectCommand } from './inspect.js'
import { interruptedExitCode, withInterrupt } from './interrupt.js'
import { judgeCommand } from './judge.js'
import { matchCommand } from './match.js'
import { nearestCommand } from './nearest.js'
import { pairsCommand } from './pairs.js'
import { solveCommand } from './solve.js'
import { processTerminal, type Terminal } from './terminal.js'
import { tracksCommand } from './tracks.js'

const commands: readonly Command[] = [
  demoCommand,
  matchCommand,
  pairsCommand,
  nearestCommand,
  consistencyCommand,
  composeCommand,
  tracksCommand,
  evaluateCommand,
  exportCommand,
  judgeCommand,
  figuresCommand,
  solveCommand,
  inspectCommand,
  doctorCommand,
  benchCommand,
]

const terminal = processTerminal()
process.exitCode = await main(process.argv.slice(2), terminal)

/** Runs the command that was typed; the exit code says how it went. */
async function main([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      terminal.print(generalHelp(commands, version, terminal.width, terminal.colors))
      return name === undefined ? 2 : 0
    }
    if (name === '--version' || name === '-v') {
      terminal.print(version)
      return 0
    }
    const command = commands.find((candidate) => candidate.name === name)
    if (command === undefined)
      throw new UsageError(
        unknown(
          'command',
          name,
          commands.map((known) => known.name),
        ),
      )
    if (rest.includes('--help') || rest.includes('-h')) {
      terminal.print(commandHelp(command, terminal.width, terminal.colors))
      return 0
    }
    const args = readArguments(rest, command.positionals, { ...command.options, ...commonOptions })
    await withInterrupt(terminal.note, (signal) => command.run(args, { terminal, signal }))
    return 0
  } catch (error) {
    return report(error, terminal)
  }
}

/** Tells the user what went wrong; only a bug shows its stack. */
function report(error: unknown, { note, redraw, noteColors }: Terminal): number {
  redraw('')
  if (error instanceof UsageError) {
    note(`${noteColors.red('error')} ${error.message}`)
    note('sae-match --help lists the commands, sae-match COMMAND --help the options of one.')
    return 2
  }
  const { code, message, hint, stack } = error as { code?: string; message?: string; hint?: string; stack?: string }
  if (code === 'CANCELLED') {
    note('Interrupted.')
    return interruptedExitCode
  }
  const known = error instanceof SaeMatchError ? code !== 'INTERNAL' : code !== undefined
  note(`${noteColors.red('error')} ${known ? `${message} (${code})` : (stack ?? String(error))}`)
  if (hint !== undefined) note(hint)
  return 1
}
