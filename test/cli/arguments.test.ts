import { describe, expect, it } from 'vitest'
import { type OptionSpecs, readArguments, UsageError, unknown } from '../../src/cli/arguments.js'

const options: OptionSpecs = {
  out: { value: 'DIR', help: '' },
  solver: { value: 'NAME', choices: ['auto', 'jv', 'shortlist'], help: '' },
  'unmatched-cost': { value: 'COST', help: '' },
  'memory-budget': { value: 'SIZE', help: '' },
  quiet: { short: 'q', help: '' },
}

describe('readArguments', () => {
  it('takes options before, between and after positionals', () => {
    const args = readArguments(['--out', 'x', 'A', '-q', 'B', '--solver=jv'], ['A', 'B'], options)
    expect(args.positionals).toEqual(['A', 'B'])
    expect(args.text('out')).toBe('x')
    expect(args.text('solver')).toBe('jv')
    expect(args.has('quiet')).toBe(true)
    expect(args.text('unmatched-cost')).toBeUndefined()
  })

  it('takes anything after -- as a positional', () => {
    expect(readArguments(['--', '--out'], ['FILE'], options).positionals).toEqual(['--out'])
  })

  it.each([
    { text: '-1.5', number: -1.5 },
    { text: '1e-3', number: 1e-3 },
    { text: 'inf', number: Number.POSITIVE_INFINITY },
    { text: 'Infinity', number: Number.POSITIVE_INFINITY },
  ])('reads the number $text', ({ text, number }) => {
    expect(readArguments(['--unmatched-cost', text], [], options).number('unmatched-cost')).toBe(number)
  })

  it.each([
    { text: '4GB', bytes: 4e9 },
    { text: '512MiB', bytes: 512 * 2 ** 20 },
    { text: '1.5kb', bytes: 1500 },
    { text: '100', bytes: 100 },
  ])('reads the size $text', ({ text, bytes }) => {
    expect(readArguments(['--memory-budget', text], [], options).bytes('memory-budget')).toBe(bytes)
  })

  it.each([
    { typed: ['--slover', 'jv'], message: 'Unknown option --slover. Did you mean --solver?' },
    { typed: ['--zzzzzz'], message: 'Unknown option --zzzzzz' },
    { typed: ['--constructor'], message: 'Unknown option --constructor' },
    { typed: ['-z'], message: 'Unknown option -z' },
    { typed: ['--solver', 'fast'], message: 'Expected auto, jv or shortlist for --solver, got fast' },
    { typed: ['--out'], message: '--out needs a value: --out DIR' },
    { typed: ['--out='], message: '--out needs a value: --out DIR' },
    { typed: ['--out', '--quiet'], message: '--out needs a value: --out DIR' },
    { typed: ['--quiet=yes'], message: '--quiet takes no value, got yes' },
    { typed: ['--out', 'a', '--out', 'b'], message: '--out is given twice' },
    { typed: ['extra'], message: 'Expected no arguments, got extra' },
  ])('refuses $typed', ({ typed, message }) => {
    expect(() => readArguments(typed, [], options)).toThrow(new UsageError(message))
  })

  it('takes positionals in brackets, or leaves them out', () => {
    for (const typed of [['RUN'], ['RUN', '1'], ['RUN', '1', '2']]) {
      expect(readArguments(typed, ['RUN', '[A]', '[C]'], options).positionals).toEqual(typed)
    }
    for (const typed of [[], ['RUN', '1', '2', '3']]) {
      expect(() => readArguments(typed, ['RUN', '[A]', '[C]'], options)).toThrow('Expected RUN [A] [C], got ')
    }
  })

  it('names missing positionals', () => {
    expect(() => readArguments(['only'], ['A', 'B'], options)).toThrow(new UsageError('Expected A B, got only'))
    expect(() => readArguments([], ['A', 'B'], options)).toThrow(new UsageError('Expected A B, got nothing'))
  })

  it.each([
    {
      name: 'unmatched-cost',
      text: 'cheap',
      read: 'number',
      message: 'Expected a number for --unmatched-cost, got cheap',
    },
    {
      name: 'memory-budget',
      text: '4 apples',
      read: 'bytes',
      message: 'Expected a size such as 4GB or 512MiB for --memory-budget, got 4 apples',
    },
  ] as const)('refuses $text as $name', ({ name, text, read, message }) => {
    const args = readArguments([`--${name}`, text], [], options)
    expect(() => args[read](name)).toThrow(new UsageError(message))
  })
})

describe('unknown', () => {
  it.each([
    { typed: 'mtach', message: 'Unknown command mtach. Did you mean match?' },
    { typed: 'insp', message: 'Unknown command insp. Did you mean inspect?' },
    { typed: 'frobnicate', message: 'Unknown command frobnicate' },
  ])('$typed', ({ typed, message }) => {
    expect(unknown('command', typed, ['demo', 'match', 'inspect'])).toBe(message)
  })
})
