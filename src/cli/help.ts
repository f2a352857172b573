import type { OptionSpec } from './arguments.js'
import { type Command, commonOptions } from './command.js'
import { renderDefinitions, wrap } from './table.js'
import type { Colors } from './terminal.js'

/** What `sae-match --help` prints. */
export function generalHelp(commands: readonly Command[], version: string, width: number, colors: Colors): string {
  const list = commands.map(({ name, summary }) => [`  ${colors.cyan(name)}`, summary] as const)
  return [
    `${colors.bold('sae-match')} ${version}  Match features of sparse autoencoders, exactly, with a proof.`,
    '',
    'Usage: sae-match COMMAND [options]',
    '       sae-match COMMAND --help         the options of a command, with examples',
    '',
    colors.bold('Commands'),
    ...renderDefinitions(list, width),
    '',
    colors.bold('Exit codes'),
    ...renderDefinitions(
      [
        ['  0', 'done'],
        ['  1', 'failed: the message has a code, docs/troubleshooting.md says more'],
        ['  2', 'the command was not understood'],
        ['  130', 'interrupted; only whole files were left'],
      ],
      width,
    ),
    '',
    colors.bold('Environment'),
    ...renderDefinitions(
      [
        ['  SAE_MATCH_BACKEND', 'what --backend auto means: native or typescript'],
        ['  SAE_MATCH_THREADS', 'threads of the CPU backends (default: the usable cores)'],
        ['  NO_COLOR', 'no colours'],
      ],
      width,
    ),
  ].join('\n')
}

/** What `sae-match COMMAND --help` prints. */
export function commandHelp(command: Command, width: number, colors: Colors): string {
  const options = Object.entries({ ...command.options, ...commonOptions })
  const usage = ['sae-match', command.name, ...command.positionals, '[options]'].join(' ')
  return [
    `Usage: ${usage}`,
    ...command.details.flatMap((paragraph) => ['', ...wrap(paragraph, width)]),
    '',
    colors.bold('Options'),
    ...renderDefinitions(
      options.map(([name, spec]) => [`  ${colors.cyan(optionName(name, spec))}`, describeOption(spec)]),
      width,
    ),
    ...(command.examples.length === 0 ? [] : ['', colors.bold('Examples')]),
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n')
}

function optionName(name: string, { value, short }: OptionSpec): string {
  return `--${name}${value === undefined ? '' : ` ${value}`}${short === undefined ? '' : `, -${short}`}`
}

function describeOption({ help, choices }: OptionSpec): string {
  return choices === undefined ? help : `${choices.join(', ')}: ${help}`
}
