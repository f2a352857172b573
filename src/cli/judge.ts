import { ensureWritableFile, writeFileAtomically } from '../output/atomic-file.js'
import {
  type Interval,
  type JudgedPair,
  type JudgeReport,
  judgeQuestions,
  judgeReport,
  readAnswers,
  readQuestions,
  verdicts,
} from '../tables/judge.js'
import { readPairArrays } from '../tables/read-pair.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import { namesOnce } from './feature-names.js'
import { decimals, percent, significant, whole } from './numbers.js'
import { openRun, readRunOptions, runWarnings } from './read-runs.js'
import { renderTable, warningLines } from './table.js'
import type { Terminal } from './terminal.js'

export const judgeCommand: Command = {
  name: 'judge',
  summary: 'have the meanings of matched features compared, by people or a language model',
  positionals: ['[RUN]'],
  options: {
    ...readRunOptions,
    labels: { value: 'DIR', help: 'with RUN: descriptions of features, as for sae-match export' },
    questions: { value: 'FILE', help: 'with RUN: where the questions go; with --answers: where they are (.jsonl)' },
    count: { value: 'N', help: 'with RUN: how many pairs are asked about (default 100)' },
    seed: { value: 'N', help: 'with RUN: of the sample and of the order of the two descriptions (default 1)' },
    answers: { value: 'FILE', help: 'lines of {"id": ..., "verdict": "SAME"}: report what they say' },
    bins: { value: 'N', help: 'with --answers: bins of cost (default 4)' },
  },
  details: [
    'With RUN and --labels it draws pairs of matched features that both have a description and writes one question a line: first and second, in an order that is shuffled and recorded.',
    'With --questions and --answers it reports the shares of DIFFERENT, MAYBE and SAME, the mean of 1, 2 and 3, and the mean by cost, each with its 95 % interval. Nothing here asks a judge itself.',
  ],
  examples: [
    'sae-match judge sae-match-run --labels neuronpedia/v1 --questions questions.jsonl --count 400',
    'sae-match judge --questions questions.jsonl --answers answers.jsonl',
  ],
  run: async (args, context) => {
    const questions = args.text('questions')
    if (questions === undefined) throw new UsageError('Expected --questions FILE')
    const [run] = args.positionals
    const answers = args.text('answers')
    if ((run === undefined) === (answers === undefined)) {
      throw new UsageError('Expected RUN with --labels DIR to write questions, or --answers FILE to report')
    }
    if (run !== undefined) await ask(run, questions, args, context)
    else await report(questions, answers!, args, context)
  },
}

async function ask(run: string, file: string, args: Arguments, context: CommandContext): Promise<void> {
  const { terminal, signal } = context
  const labels = args.text('labels')
  if (labels === undefined) throw new UsageError('Expected --labels DIR')
  const wanted = args.count('count') ?? 100
  const seed = readSeed(args)
  await ensureWritableFile(file)
  const opened = await openRun(args, context)
  const known = namesOnce(labels, signal)
  const pairs: JudgedPair[] = []
  for (const stored of opened.pairs) {
    const { stem, a, b } = stored
    const arrays = await readPairArrays(stored, signal)
    const [namesA, namesB] = [await known.of(stored, 'a'), await known.of(stored, 'b')]
    pairs.push({ stem, arrays, a: { sae: a.name, ...namesA }, b: { sae: b.name, ...namesB } })
  }
  const drawn = judgeQuestions(pairs, { count: wanted, seed })
  const warnings = [...runWarnings(opened, []), ...known.warnings()]
  if (drawn.length === 0) {
    const why = [`No pair of ${run} has descriptions of both features in ${labels}.`, ...warnings]
    throw new UsageError(why.join(' '))
  }
  await writeFileAtomically(file, drawn.map((question) => `${JSON.stringify(question)}\n`).join(''))
  if (args.has('json'))
    return terminal.print(JSON.stringify({ questions: file, count: drawn.length, seed, warnings }, null, 2))
  terminal.print(`${whole(drawn.length)} questions: ${terminal.colors.bold(file)}`)
  for (const line of warningLines(warnings, terminal.width, terminal.colors.yellow)) terminal.print(line)
}

async function report(questions: string, answers: string, args: Arguments, { terminal, signal }: CommandContext) {
  const asked = await readQuestions(questions, signal)
  const found = judgeReport(asked, await readAnswers(answers, signal), { bins: args.count('bins') })
  terminal.print(args.has('json') ? JSON.stringify(found, null, 2) : render(found, terminal))
}

function render({ questions, answered, shares, score, byOrder, byCost }: JudgeReport, { colors }: Terminal): string {
  const range = ({ low, high }: Interval, show: (value: number) => string) => `${show(low)} .. ${show(high)}`
  const two = (value: number) => decimals(value, 2)
  const rows = [
    ...verdicts.map((name) => [
      name,
      whole(shares[name].count),
      percent(shares[name].value),
      range(shares[name], percent),
    ]),
    ['score', whole(answered), two(score.value), range(score, two)],
    ['  A first', whole(byOrder.ab.count), two(byOrder.ab.value), range(byOrder.ab, two)],
    ['  B first', whole(byOrder.ba.count), two(byOrder.ba.value), range(byOrder.ba, two)],
    ...byCost.map((bin) => [
      `  cost ${significant(bin.from)} .. ${significant(bin.to)}`,
      whole(bin.count),
      two(bin.value),
      range(bin, two),
    ]),
  ]
  const columns = [
    { title: '', align: 'left' },
    { title: 'answers', align: 'right' },
    { title: '', align: 'right' },
    { title: '95 % interval', align: 'left' },
  ] as const
  return [
    colors.bold(`${whole(answered)} of ${whole(questions)} questions are answered`),
    ...renderTable(columns, rows, colors.dim),
  ].join('\n')
}

function readSeed(args: Arguments): number {
  const text = args.text('seed') ?? '1'
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`Expected a whole number for --seed, got ${text}`)
  return Number(text)
}
