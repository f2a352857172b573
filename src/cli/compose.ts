import { quantileLevels } from '../matching/statistics.js'
import { writeFileAtomically } from '../output/atomic-file.js'
import { encodeCsv } from '../output/csv.js'
import { encodeJson } from '../output/json.js'
import { encodeNpz } from '../output/npz.js'
import { findInput, findStep, findStepIfAny, pathBetween, type RunStep } from '../runs/choose.js'
import type { Run, RunInput } from '../runs/read-run.js'
import {
  type Agreement,
  agreement,
  type Composition,
  type CycleConsistency,
  composeSteps,
  cycleConsistency,
} from '../tracks/composition.js'
import { cutSteps } from '../tracks/cut.js'
import { readStep, readSteps } from '../tracks/read-step.js'
import { invertStep, type MatchStep } from '../tracks/step.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import { composeAll } from './compose-all.js'
import { comparable, decimals, percent, whole } from './numbers.js'
import { readOutput } from './output-file.js'
import {
  type CutJson,
  cutJson,
  cutOptions,
  cutText,
  inputJson,
  openRun,
  readCut,
  readList,
  readRunOptions,
  runWarnings,
  type SpreadJson,
  schemaVersion,
  spreadJson,
} from './read-runs.js'
import { type Column, renderTable, warningLines, wrap } from './table.js'
import type { Terminal } from './terminal.js'

export const composeCommand: Command = {
  name: 'compose',
  summary: 'composes matches along layers, and holds them against direct ones',
  positionals: ['RUN', '[A]', '[C]'],
  options: {
    through: { value: 'LIST', help: 'the layers between A and C, in order (default: all of the run that lie between)' },
    all: { help: 'compose every path of layers instead, and show how agreement decays with distance' },
    layers: { value: 'LIST', help: 'with --all: the layers in their order (default: all of the run)' },
    out: {
      value: 'FILE',
      help: 'write a_to_c, cost_sum, cost_maximum, direct and agreement to this .npz, .json or .csv; with --all the table, to .json or .csv',
    },
    ...cutOptions,
    ...readRunOptions,
  },
  details: [
    'Takes the matches of a run directory one after the other, from A to C, and tells what the path costs and how often it ends where the direct match does, if the run has that too. A pair that the run holds in the other direction is inverted. Steps can be cut by cost, cosine or mutual nearness; the direct match stays whole.',
    'A and C are numbers of layers, names or paths of SAEs of the run. See docs/tracks.md for files and --json.',
  ],
  examples: [
    'sae-match compose sae-match-run 10 20',
    'sae-match compose sae-match-run 10 20 --through 12,14 --out composed.npz',
    'sae-match compose sae-match-run --all --out decay.csv',
  ],
  run: async (args, context) => {
    const ends = args.positionals.slice(1)
    if (args.has('all')) {
      if (ends.length > 0) throw new UsageError(`--all composes every path; it takes no ${ends.join(' ')}`)
      if (args.has('through')) throw new UsageError('--through belongs to one path; with --all use --layers')
      return composeAll(args, context)
    }
    if (ends.length !== 2) throw new UsageError('Expected RUN A C, or RUN --all')
    if (args.has('layers')) throw new UsageError('--layers belongs to --all; for one path use --through')
    await composePath(ends[0], ends[1], args, context)
  },
}

async function composePath(from: string, to: string, args: Arguments, context: CommandContext): Promise<void> {
  const { terminal, signal } = context
  const out = await readOutput(args, 'out', ['npz', 'json', 'csv'])
  const run = await openRun(args, context)
  const path = readPath(run, from, to, readList(args, 'through'))
  const found = path.slice(1).map((input, k) => findStep(run, path[k], input))
  const cut = readCut(args)
  const steps = cutSteps(await readSteps(found, signal), cut)
  const composition = composeSteps(steps)
  const [a, c] = [path[0], path[path.length - 1]]
  const direct = await readDirect(findStepIfAny(run, a, c), composition, signal)

  const report: Report = {
    run: run.path,
    cut: cutJson(cut),
    from: inputJson(a),
    to: inputJson(c),
    through: path.slice(1, -1).map(({ name }) => name),
    steps: found.map((step, k) => stepJson(path[k], path[k + 1], step, steps[k])),
    quantileLevels,
    matched: composition.aToC.filter((k) => k !== -1).length,
    costSum: spreadJson(composition.costSum),
    costMaximum: spreadJson(composition.costMaximum),
    direct: direct && {
      ...stepJson(a, c, direct.found, direct.step),
      same: direct.comparison.same,
      compared: direct.comparison.compared,
      agreement: direct.comparison.share,
    },
    cycle: a === c ? cycleConsistency(steps) : direct && cycleConsistency([...steps, invertStep(direct.step)]),
    out: out?.path ?? null,
    warnings: runWarnings(run, direct === null ? found : [...found, direct.found]),
  }
  if (out !== null) {
    const encode = { npz: encodeFeaturesNpz, csv: encodeFeaturesCsv, json: encodeFeaturesJson }[out.format]
    await writeFileAtomically(out.path, encode({ composition, direct }, report))
  }
  if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
  else terminal.print(render(report, terminal))
}

/** What `--json` prints: scripts rely on these names. */
interface Report {
  readonly run: string
  readonly cut: CutJson
  readonly from: ReturnType<typeof inputJson>
  readonly to: ReturnType<typeof inputJson>
  readonly through: readonly string[]
  readonly steps: readonly ReturnType<typeof stepJson>[]
  readonly quantileLevels: readonly number[]
  readonly matched: number
  readonly costSum: SpreadJson
  readonly costMaximum: SpreadJson
  readonly direct:
    | (ReturnType<typeof stepJson> & {
        readonly same: number
        readonly compared: number
        readonly agreement: number
      })
    | null
  /** Round a path that ends where it began, or back by the direct match. */
  readonly cycle: CycleConsistency | null
  readonly out: string | null
  readonly warnings: readonly string[]
}

/** The direct match of the ends of a path, whole, and how far the composed one agrees with it. */
interface Direct {
  readonly found: RunStep
  readonly step: MatchStep
  readonly comparison: Agreement
}

async function readDirect(found: RunStep | null, { aToC }: Composition, signal: AbortSignal): Promise<Direct | null> {
  if (found === null) return null
  const step = await readStep(found, signal)
  return { found, step, comparison: agreement(aToC, step.aToB) }
}

function readPath(run: Run, from: string, to: string, through: readonly string[] | undefined): RunInput[] {
  const [a, c] = [findInput(run, from), findInput(run, to)]
  if (through === undefined) return pathBetween(run, a, c)
  return [a, ...through.map((name) => findInput(run, name)), c]
}

function stepJson(a: RunInput, b: RunInput, { pair, inverted }: RunStep, { aToB, cost, cosine }: MatchStep) {
  return {
    a: a.name,
    b: b.name,
    layerA: a.layer,
    layerB: b.layer,
    file: pair.file,
    inverted,
    matched: aToB.filter((j) => j !== -1).length,
    cost: spreadJson(cost),
    cosineDecoder: spreadJson(cosine),
  }
}

/** What there is for each feature of A. */
interface Features {
  readonly composition: Composition
  /** Null where the run has none. */
  readonly direct: Direct | null
}

/** The columns of the files, by the names they bear there; without a direct match everything about it is -1. */
function featureColumns({ composition, direct }: Features) {
  const { aToC, costSum, costMaximum } = composition
  const none = () => new Int32Array(aToC.length).fill(-1)
  return {
    a_to_c: aToC,
    cost_sum: costSum,
    cost_maximum: costMaximum,
    direct: direct?.step.aToB ?? none(),
    agreement: direct?.comparison.byFeature ?? none(),
  }
}

function encodeFeaturesNpz(features: Features): Uint8Array {
  return encodeNpz({ schema_version: { data: Int32Array.of(schemaVersion), shape: [] }, ...featureColumns(features) })
}

function encodeFeaturesCsv(features: Features): string {
  const columns = featureColumns(features)
  const rows = Array.from(columns.a_to_c, (_, i) => [
    schemaVersion,
    i,
    ...Object.values(columns).map((values) => values[i]),
  ])
  return encodeCsv(['schema_version', 'feature', ...Object.keys(columns)], rows)
}

function encodeFeaturesJson(features: Features, report: Report): string {
  const { a_to_c: aToC, cost_sum: costSum, cost_maximum: costMaximum, direct, agreement } = featureColumns(features)
  return encodeJson({ schemaVersion, ...report, features: { aToC, costSum, costMaximum, direct, agreement } })
}

const columns: readonly Column[] = [
  { title: 'cost', align: 'left' },
  { title: 'pairs', align: 'right' },
  ...['5 %', '25 %', 'median', '75 %', '95 %', 'mean'].map((title): Column => ({ title, align: 'right' })),
  { title: 'cosine', align: 'right' },
]
const shownLevels = [0.05, 0.25, 0.5, 0.75, 0.95] as const

function render(report: Report, { colors, width }: Terminal): string {
  const { from, to, through, steps, direct, out, warnings } = report
  const stepNames = steps.map(({ a, b }) => `${a} → ${b}`)
  const spreads = [
    ...steps.map(({ cost, cosineDecoder }, k) => ({ name: stepNames[k], cost, cosineDecoder })),
    { name: 'sum of the steps', cost: report.costSum, cosineDecoder: null },
    { name: 'dearest step', cost: report.costMaximum, cosineDecoder: null },
    ...(direct === null ? [] : [{ name: 'direct match', cost: direct.cost, cosineDecoder: direct.cosineDecoder }]),
  ]
  const quantile = ({ quantiles }: SpreadJson, level: number) => quantiles[quantileLevels.indexOf(level as 0.5)]
  const numbers = spreads.map(({ cost }) => [...shownLevels.map((level) => quantile(cost, level)), cost.mean])
  const texts = comparable(numbers.flat())
  const rows = spreads.map(({ name, cost, cosineDecoder }, row) => [
    name,
    whole(cost.count),
    ...texts.slice(row * numbers[row].length, (row + 1) * numbers[row].length),
    cosineDecoder === null ? '' : decimals(quantile(cosineDecoder, 0.5), 3),
  ])
  const verdict = verdictOf(report, colors)
  const cut = cutText(report.cut)
  const lines = [
    ...wrap(`${whole(report.matched)} of ${whole(from.features)} features arrive, ${verdict}`, width - 2),
    '',
    ...renderTable(columns, rows, colors.dim),
    ...(cut === null ? [] : ['', colors.dim(cut)]),
    ...(out === null ? [] : ['', colors.dim(out)]),
    ...warningLines(warnings, width - 2, colors.yellow),
  ]
  return [
    colors.bold([from.name, ...through, to.name].join(' → ')),
    ...lines.map((line) => `  ${line}`.trimEnd()),
  ].join('\n')
}

function verdictOf({ from, to, direct, cycle }: Report, colors: Terminal['colors']): string {
  if (direct !== null) {
    return `${colors.bold(percent(direct.agreement))} of ${whole(direct.compared)} end where the direct match ends`
  }
  if (cycle !== null && from.name === to.name) return `${colors.bold(percent(cycle.share))} of them where they began`
  return 'the run has no direct match to hold that against: sae-match pairs DIR --all makes those of all layers'
}
