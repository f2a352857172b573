import { backendNames } from '../backend/environment.js'
import { backendAvailability } from '../backend/info.js'
import { families } from '../benchmark/families.js'
import { describeMachine, type Machine } from '../benchmark/machine.js'
import {
  type BenchmarkCell,
  type BenchmarkOptions,
  contendersOf,
  type MeasuredCell,
  runBenchmark,
  solversOf,
} from '../benchmark/run.js'
import { ensureWritableFile, writeFileAtomically } from '../output/atomic-file.js'
import { encodeJson } from '../output/json.js'
import { type Arguments, UsageError, unknown } from './arguments.js'
import type { Command } from './command.js'
import { percent, significant, size as sizeOf, whole } from './numbers.js'
import { createProgress } from './progress.js'
import { renderTable } from './table.js'
import type { Terminal } from './terminal.js'

export const benchCommand: Command = {
  name: 'bench',
  summary: 'how fast every solver of every backend is on this machine',
  positionals: [],
  options: {
    families: { value: 'A,B', help: `of ${Object.keys(families).join(', ')} (default all)` },
    sizes: { value: 'N,N', help: 'rows, and as many columns (default 512)' },
    solvers: { value: 'A,B', help: 'default: all that the backends have' },
    backends: { value: 'A,B', help: 'default: all that work here' },
    against: {
      value: 'NAME',
      help: 'backend/solver that ratios are formed with (default native/shortlist, or the first of the run)',
    },
    repetitions: { value: 'N', help: 'of each cell (default 3)' },
    timeout: { value: 'SECONDS', help: 'for a cell, with making the problem and checking the answer (default 60)' },
    seed: { value: 'N', help: 'of the random numbers (default 1)' },
    dimension: { value: 'D', help: 'of the space that planted features live in (default 64)' },
    out: { value: 'FILE', help: 'write what --json prints to this file, too' },
  },
  details: [
    'Times every solver on every problem, each in a process of its own: the median of the repetitions with the least and the largest, from a finished cost matrix to an answer with its proof. Every answer is judged by a checker that shares no code with a solver; what it refutes has no figure.',
    `Families: ${Object.entries(families)
      .map(([name, { description }]) => `${name} (${description})`)
      .join('; ')}.`,
  ],
  examples: [
    'sae-match bench',
    'sae-match bench --families planted-40,uniform --sizes 1024,2048 --solvers shortlist',
    'sae-match bench --json --out bench.json',
  ],
  run: async (args, { terminal, signal }) => {
    const options = await readOptions(args)
    const out = args.text('out')
    if (out !== undefined) await ensureWritableFile(out)
    const machine = describeMachine()
    const progress = createProgress(terminal, args.has('quiet'))
    const begin = (title: string, done: number, total: number) => progress.begin(`${done + 1} of ${total}  ${title}`)
    const cells = await runBenchmark(options, begin, signal)
    progress.clear()
    const report: BenchReport = { schemaVersion: 1, machine, options, cells }
    if (out !== undefined) await writeFileAtomically(out, encodeJson(report))
    terminal.print(args.has('json') ? encodeJson(report).trimEnd() : render(report, terminal))
  },
}

/** What `--json` prints and `--out` writes: scripts rely on these names. */
interface BenchReport {
  readonly schemaVersion: 1
  readonly machine: Machine
  readonly options: BenchmarkOptions
  readonly cells: readonly BenchmarkCell[]
}

/** Longer time-outs than this are none to Node: 2^31 - 1 milliseconds. */
const mostSeconds = Math.floor((2 ** 31 - 1) / 1000)
const mostRows = 2 ** 16

/** @throws UsageError; the reason a backend that was asked for cannot be used */
async function readOptions(args: Arguments): Promise<BenchmarkOptions> {
  const available = backendAvailability()
  const backends =
    names(args, 'backends', 'backend', backendNames) ?? backendNames.filter((b) => available[b].available)
  const known = await solversOf(backends)
  const chosen = { backends, solvers: names(args, 'solvers', 'solver', known) ?? known }
  const contenders = (await contendersOf(chosen)).map(({ contender }) => contender)
  if (contenders.length === 0) throw new UsageError('None of these backends has any of these solvers')
  return {
    families: names(args, 'families', 'family', Object.keys(families)) ?? Object.keys(families),
    sizes: items(args, 'sizes')?.map((size) => integer('sizes', Number(size), 1, mostRows)) ?? [512],
    ...chosen,
    against: readAgainst(args.text('against'), contenders),
    repetitions: integer('repetitions', args.number('repetitions') ?? 3, 1, 1000),
    timeout: integer('timeout', args.number('timeout') ?? 60, 1, mostSeconds),
    seed: integer('seed', args.number('seed') ?? 1, 0, 2 ** 32 - 1),
    dimension: integer('dimension', args.number('dimension') ?? 64, 1, mostRows),
  }
}

function readAgainst(typed: string | undefined, contenders: readonly string[]): string {
  if (typed !== undefined && !contenders.includes(typed)) throw new UsageError(unknown('contender', typed, contenders))
  return typed ?? contenders.find((name) => name === 'native/shortlist') ?? contenders[0]
}

/** The parts of a list, each once. */
function items(args: Arguments, option: string): string[] | undefined {
  const parts = args
    .text(option)
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts?.length === 0) throw new UsageError(`--${option} names nothing`)
  return parts && [...new Set(parts)]
}

/** Some of the names there are; `all` and nothing said are undefined. */
function names<T extends string>(args: Arguments, option: string, kind: string, known: readonly T[]): T[] | undefined {
  const parts = items(args, option)
  if (parts?.join() === 'all') return undefined
  const wrong = parts?.find((part) => !known.includes(part as T))
  if (wrong !== undefined) throw new UsageError(unknown(kind, wrong, known))
  return parts as T[] | undefined
}

function integer(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new UsageError(`Expected whole numbers from ${least} to ${most} for --${option}, got ${value}`)
}

function render({ machine, options, cells }: BenchReport, { colors }: Terminal): string {
  const { cpu, cores, memoryBytes, simd, node, platform, version } = machine
  const lines = [
    `${cpu}, ${cores} cores, ${sizeOf(memoryBytes)}, ${simd ?? 'no native backend'}`,
    `sae-match ${version}, Node ${node} on ${platform}`,
    `median of ${options.repetitions} (least .. most); ratio to ${options.against}, below 1 is faster`,
  ]
  for (const family of options.families) {
    for (const size of options.sizes) {
      const problem = cells.filter((cell) => cell.family === family && cell.size === size)
      lines.push('', colors.bold(`${family}, ${whole(size)} × ${whole(size)}`))
      lines.push(...renderTable(columns, problem.map(renderCell), colors.dim).map((line) => `  ${line}`))
    }
  }
  return lines.join('\n')
}

const columns = [
  { title: 'contender', align: 'left' },
  { title: 'median', align: 'right' },
  { title: 'spread', align: 'left' },
  { title: 'ratio', align: 'right' },
  { title: 'proof', align: 'left' },
] as const

function renderCell(cell: BenchmarkCell): string[] {
  if (cell.failure !== null) return [cell.contender, '-', '', '', cell.failure.message]
  const { contender, median, least, most, ratio } = cell
  const shownRatio = ratio === null ? '-' : significant(ratio, 3)
  return [contender, time(median), `(${time(least)} .. ${time(most)})`, shownRatio, proof(cell)]
}

function proof({ optimal, gap, cost }: MeasuredCell): string {
  return optimal ? 'optimal' : `not exact, gap ${percent(gap / Math.abs(cost - gap))}`
}

function time(milliseconds: number): string {
  return milliseconds < 1000 ? `${significant(milliseconds, 3)} ms` : `${significant(milliseconds / 1000, 3)} s`
}
