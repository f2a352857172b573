import { readFile } from 'node:fs/promises'
import { SaeMatchError } from '../errors.js'
import { quantileLevels } from '../matching/statistics.js'
import type { PairRecord } from '../output/pair-files.js'
import { executeRun } from '../pairs/match-pairs.js'
import { type MatchPairsOptions, pairsSettings } from '../pairs/options.js'
import type { Shard } from '../pairs/plan.js'
import { type PreparedRun, prepareRun } from '../pairs/prepare.js'
import type { FailedPair, PairResult, PairsRun } from '../pairs/result.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import { inputOptions, readManyInputs } from './inputs.js'
import { checkpointOptions, matchOptions } from './match-options.js'
import { comparable, decimals, duration, percent, whole } from './numbers.js'
import { parsePairList } from './pair-list.js'
import { createPairsProgress } from './pairs-progress.js'
import { pairJson, pairTitle, printBackend, readPairsOptions } from './run-pairs.js'
import { type Column, renderTable, wrap } from './table.js'
import type { Colors, Terminal } from './terminal.js'

export const pairsCommand: Command = {
  name: 'pairs',
  summary: 'match many pairs of SAEs: neighbouring layers, all, or a list',
  positionals: ['[DIR...]'],
  options: {
    adjacent: { help: 'pairs of neighbouring layers (default)' },
    all: { help: 'all pairs that may be compared' },
    pairs: { value: 'FILE', help: 'two paths or names a line, with a tab or a comma between them' },
    shard: { value: 'I/N', help: 'only part I of N; all parts together are the whole run, on any machines' },
    'dry-run': { help: 'list the pairs, and which of them are done; compute nothing' },
    'in-flight': {
      value: 'N',
      help: 'pairs computed at once; each may take --memory-budget (default 2 where two fit into it, else 1; on GPUs one more than threads, within --sae-memory)',
    },
    'sae-memory': { value: 'SIZE', help: 'what loaded SAEs may take (default half of the free memory, at least 4GB)' },
    ...matchOptions,
    ...checkpointOptions,
    ...inputOptions,
  },
  details: [
    'Finds the checkpoints at and below DIR, matches them pair by pair as `sae-match match` does, and writes each pair to the run directory as soon as it is done. The same command goes on where a run was stopped: a pair whose files are there, of the same inputs and options, is not done again. A pair that fails is reported and the others are finished.',
  ],
  examples: [
    'sae-match pairs saes/',
    'sae-match pairs saes/ --all --out all-pairs --shard 1/4',
    'sae-match pairs saes/ --pairs list.tsv --dry-run',
    'sae-match pairs --from gemma-scope-2b-pt-res --width 16k --layers 18-22',
  ],
  run: async (args, context) => {
    const { terminal } = context
    if (args.positionals.length === 0 && !args.has('from'))
      throw new UsageError('Expected DIR... or --from RELEASE, got nothing')
    const options = { ...readPairsOptions(args, context, { baselines: 'basic' }), ...(await readChoice(args)) }
    const [json, quiet] = [args.has('json'), args.has('quiet')]
    printBackend(args, terminal, options.backend)
    const paths = await readManyInputs(args.positionals, args, context)
    const prepared = await prepareRun(paths, pairsSettings(options), context.signal)
    if (!quiet) for (const note of prepared.notes) terminal.note(note)
    if (args.has('dry-run')) {
      terminal.print(json ? JSON.stringify(dryRunJson(prepared), null, 2) : renderDryRun(prepared, terminal))
      return
    }
    const run = await runAndFollow(prepared, context, quiet)
    terminal.print(json ? JSON.stringify(runJson(run), null, 2) : renderRun(run, terminal))
    if (run.failed.length > 0) throw failedRun(run)
  },
}

/** Which pairs, in what parts, with how much at once. @throws UsageError */
async function readChoice(args: Arguments): Promise<MatchPairsOptions> {
  const kinds = ['adjacent', 'all', 'pairs'].filter(args.has)
  if (kinds.length > 1) throw new UsageError(`Expected one of ${kinds.map((kind) => `--${kind}`).join(' and ')}`)
  const file = args.text('pairs')
  return {
    pairs: file === undefined ? (args.has('all') ? 'all' : 'adjacent') : parsePairList(await readList(file), file),
    shard: readShard(args.text('shard')),
    inFlight: readInFlight(args.text('in-flight')),
    saeMemory: args.bytes('sae-memory'),
  }
}

async function readList(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SaeMatchError('FILE_NOT_FOUND', `Cannot read ${file}: ${(cause as Error).message}`, { cause })
  }
}

function readShard(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined
  const [, index, count] = (/^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? []).map(Number)
  if (!(index >= 1 && index <= count)) throw new UsageError(`Expected a part such as 1/4 for --shard, got ${text}`)
  return { index, count }
}

function readInFlight(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new UsageError(`Expected 1 to 999 for --in-flight, got ${text}`)
  return Number(text)
}

/** Runs what is left, and says on standard error what becomes of each pair. */
async function runAndFollow(run: PreparedRun, { terminal, signal }: CommandContext, quiet: boolean): Promise<PairsRun> {
  const progress = createPairsProgress(terminal, quiet)
  const warned = new Set<string>()
  const done = run.pairs.filter((pair) => pair.done !== null).length
  if (done > 0) progress.say(`${whole(done)} of ${whole(run.pairs.length)} pairs are done already`)
  try {
    return await executeRun(run, {
      signal,
      onProgress: progress.update,
      onPair: ({ record, reused }) => {
        if (reused) return
        const { a, b, milliseconds, warnings } = record
        progress.finished(`${pairTitle(a.name, b.name)}  ${duration(milliseconds.total)}`)
        // what is doubtful about an SAE is so in all of its pairs
        for (const warning of warnings.filter((text) => !warned.has(text))) {
          warned.add(warning)
          progress.say(terminal.noteColors.yellow(`! ${warning}`))
        }
      },
      onFailure: (failure) => progress.finished(terminal.noteColors.red(`! ${failureText(failure)}`)),
    })
  } finally {
    progress.clear()
  }
}

function failureText({ a, b, message, code }: FailedPair): string {
  return `${pairTitle(a, b)}: ${message} (${code})`
}

/** What makes the exit code 1 once everything else is finished and shown. */
function failedRun({ pairs, failed }: PairsRun): SaeMatchError {
  const [first] = failed
  const count = `${whole(failed.length)} of ${whole(pairs.length + failed.length)} pairs failed`
  return new SaeMatchError(first.code, `${count}; the first: ${pairTitle(first.a, first.b)}: ${first.message}`, {
    hint: 'The others are finished. The same command tries again those that failed, and only those.',
    cause: first.error,
  })
}

function runJson({ backend, out, pairs, failed, notes }: PairsRun) {
  return {
    backend,
    out,
    pairs: pairs.map((pair) => ({ ...pairJson(pair), reused: pair.reused })),
    failed: failed.map(({ error: _, ...said }) => said),
    notes,
  }
}

const columns: readonly Column[] = [
  { title: 'pair', align: 'left' },
  { title: 'pairs made', align: 'right' },
  { title: 'objective', align: 'right' },
  { title: 'cosine', align: 'right' },
  { title: 'mutual', align: 'right' },
  { title: 'proved', align: 'left' },
  { title: 'time', align: 'right' },
]

/** One line a pair, then what failed and where everything is. */
function renderRun({ pairs, failed, out }: PairsRun, { colors, width }: Pick<Terminal, 'colors' | 'width'>): string {
  const table = pairs.length === 0 ? [] : renderTable(columns, summaryRows(pairs, colors), colors.dim)
  const legend = 'objective: mean over the pairs; cosine: median of the decoders of a pair'
  return [
    ...table,
    ...(pairs.length === 0 ? [] : ['', ...wrap(legend, width).map(colors.dim)]),
    ...failed.flatMap((failure) => wrap(`! ${failureText(failure)}`, width).map(colors.red)),
    '',
    ...(pairs.length === 0 ? [] : [`Run directory: ${colors.bold(out)}`]),
  ].join('\n')
}

function summaryRows(pairs: readonly PairResult[], colors: Colors): string[][] {
  const objectives = comparable(pairs.map(({ record }) => record.summary.matched.total))
  return pairs.map(({ record, reused }, row) => [
    pairTitle(record.a.name, record.b.name),
    whole(record.matched),
    objectives[row],
    decimals(medianCosine(record), 3),
    record.summary.mutualShare === undefined ? '-' : percent(record.summary.mutualShare),
    record.certificate.optimal ? colors.green('optimal') : colors.red('no'),
    reused ? 'before' : duration(record.milliseconds.total),
  ])
}

function medianCosine({ distributions }: PairRecord): number {
  return distributions.cosineDecoder.quantiles[quantileLevels.indexOf(0.5)]
}

function dryRunJson({ info, settings, pairs, saes, notes }: PreparedRun) {
  return {
    backend: info.active,
    out: settings.out,
    pairs: pairs.map(({ a, b, done, stems }) => ({
      a: saes[a].name,
      b: saes[b].name,
      layerA: saes[a].layer,
      layerB: saes[b].layer,
      n: saes[a].header?.features ?? null,
      m: saes[b].header?.features ?? null,
      readable: stems.length > 0,
      done: done !== null,
    })),
    notes,
  }
}

function renderDryRun({ pairs, saes, settings }: PreparedRun, { colors }: Pick<Terminal, 'colors'>): string {
  const features = (place: number) => (saes[place].header === null ? '?' : whole(saes[place].header!.features))
  const state = ({ done, stems }: PreparedRun['pairs'][number]) => {
    if (stems.length === 0) return colors.red('cannot be read')
    return done === null ? 'to do' : colors.green('done')
  }
  const rows = pairs.map((pair) => [
    pairTitle(saes[pair.a].name, saes[pair.b].name),
    `${features(pair.a)} × ${features(pair.b)}`,
    state(pair),
  ])
  const table: Column[] = [
    { title: 'pair', align: 'left' },
    { title: 'features', align: 'right' },
    { title: '', align: 'left' },
  ]
  const done = pairs.filter((pair) => pair.done !== null).length
  return [
    ...renderTable(table, rows, colors.dim),
    '',
    `${whole(done)} of ${whole(pairs.length)} pairs are done in ${colors.bold(settings.out)}`,
  ].join('\n')
}
