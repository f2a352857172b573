import { parseArgs } from 'node:util'
import { nearestName } from '../validate.js'

/** An option of a command, e.g. `--out DIR`. */
export interface OptionSpec {
  /** What the value is called in the help (`DIR`); without it the option is a switch. */
  readonly value?: string
  /** One letter: `-q`. */
  readonly short?: string
  /** The only values allowed. */
  readonly choices?: readonly string[]
  readonly help: string
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** What a user typed, checked against the specs of a command. */
export interface Arguments {
  readonly positionals: readonly string[]
  readonly text: (name: string) => string | undefined
  readonly has: (name: string) => boolean
  /** A finite or infinite number. */
  readonly number: (name: string) => number | undefined
  /** A whole number of at least 1. */
  readonly count: (name: string) => number | undefined
  /** Bytes, from `4GB`, `512MiB` or a plain number. */
  readonly bytes: (name: string) => number | undefined
}

/** The user typed something the command does not understand: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Reads the arguments of one command.
 *
 * @param positionals names of the positional arguments, in the order they are typed; `[NAME]` may be left out, and the last
 *   may be `NAME...`, one or more, or `[NAME...]`
 * @throws UsageError with what was typed, what was expected and the nearest known name
 */
export function readArguments(
  typed: readonly string[],
  positionals: readonly string[],
  options: OptionSpecs,
): Arguments {
  const { tokens } = parseArgs({
    args: [...typed],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
      ]),
    ),
  })
  const given = new Map<string, string | true>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (spec === undefined) throw new UsageError(unknown('option', token.rawName, Object.keys(options), '--'))
    if (given.has(token.name)) throw new UsageError(`${token.rawName} is given twice`)
    given.set(token.name, optionValue(token, spec))
  }
  const required = positionals.filter((name) => !name.startsWith('['))
  const most = /\.\.\.\]?$/.test(positionals.at(-1) ?? '') ? Number.POSITIVE_INFINITY : positionals.length
  if (words.length < required.length || words.length > most) {
    const expected = positionals.length === 0 ? 'no arguments' : positionals.join(' ')
    throw new UsageError(`Expected ${expected}, got ${words.length === 0 ? 'nothing' : words.join(' ')}`)
  }
  const text = (name: string) => {
    const value = given.get(name)
    return value === true ? undefined : value
  }
  return {
    positionals: words,
    text,
    has: (name) => given.has(name),
    number: (name) => mapped(text(name), (value) => readNumber(name, value)),
    count: (name) => mapped(text(name), (value) => readCount(name, value)),
    bytes: (name) => mapped(text(name), (value) => readBytes(name, value)),
  }
}

/** "Unknown option --slover. Did you mean --solver?" */
export function unknown(kind: string, typed: string, known: readonly string[], prefix = ''): string {
  const nearest = nearestName(typed.replace(/^-+/, ''), known)
  return `Unknown ${kind} ${typed}${nearest === null ? '' : `. Did you mean ${prefix}${nearest}?`}`
}

interface OptionToken {
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function optionValue({ rawName, value, inlineValue }: OptionToken, spec: OptionSpec): string | true {
  if (spec.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value, got ${value}`)
    return true
  }
  // another option in the place of the value means that the value was forgotten; `--name=--value` says it was not
  const forgotten = value === undefined || value === '' || (inlineValue === false && /^--?[a-z]/i.test(value))
  if (forgotten) throw new UsageError(`${rawName} needs a value: ${rawName} ${spec.value}`)
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    throw new UsageError(`Expected ${listed(spec.choices)} for ${rawName}, got ${value}`)
  }
  return value
}

function listed(choices: readonly string[]): string {
  return choices.length === 1 ? choices[0] : `${choices.slice(0, -1).join(', ')} or ${choices[choices.length - 1]}`
}

function mapped<T>(value: string | undefined, read: (value: string) => T): T | undefined {
  return value === undefined ? undefined : read(value)
}

function readNumber(name: string, value: string): number {
  if (/^[+]?inf(inity)?$/i.test(value)) return Number.POSITIVE_INFINITY
  const number = Number(value)
  if (value.trim() === '' || Number.isNaN(number)) throw new UsageError(`Expected a number for --${name}, got ${value}`)
  return number
}

function readCount(name: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new UsageError(
    `Expected a whole number of at least 1 for ${name.length === 1 ? '-' : '--'}${name}, got ${value}`,
  )
}

const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

function readBytes(name: string, value: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value) ?? []
  const factor = unitBytes[(unit || 'b').toLowerCase()]
  if (amount === undefined || factor === undefined) {
    throw new UsageError(`Expected a size such as 4GB or 512MiB for --${name}, got ${value}`)
  }
  return Math.floor(Number(amount) * factor)
}
