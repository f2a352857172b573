import { type Figure, figureRecords } from '../figures/figure.js'
import { explainedVarianceFigure, quantilesFigure, scoreFigure, sparsityFigure } from '../figures/from-evaluations.js'
import {
  costsFigure,
  type DistributionName,
  distributionNames,
  histogramFigure,
  objectiveFigure,
  recordedPair,
} from '../figures/from-records.js'
import { encodeSvg } from '../figures/svg.js'
import { writeFileAtomically } from '../output/atomic-file.js'
import { encodeCsv } from '../output/csv.js'
import { encodeJson } from '../output/json.js'
import { type Run, type RunPair, readRun } from '../runs/read-run.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import { composition } from './figure-composition.js'
import { evaluateAll } from './figure-evaluations.js'
import { renderFigure } from './figure-report.js'
import { applyThreads, backendOptions } from './match-options.js'
import { readOutput } from './output-file.js'
import { createProgress, type ProgressDisplay } from './progress.js'
import { readList, readRunOptions, runWarnings, schemaVersion } from './read-runs.js'

/** What each figure is made from, and the figures of the paper that it stands for. */
const kinds: Readonly<
  Record<string, { readonly from: 'records' | 'activations' | 'composition'; readonly paper: string[] }>
> = {
  objective: { from: 'records', paper: ['3'] },
  costs: { from: 'records', paper: [] },
  histogram: { from: 'records', paper: ['5', '6'] },
  score: { from: 'activations', paper: ['7', '12'] },
  composition: { from: 'composition', paper: ['8'] },
  ev: { from: 'activations', paper: ['10', '11'] },
  sparsity: { from: 'activations', paper: ['14'] },
  quantiles: { from: 'activations', paper: ['16', '17'] },
}

const ofActivations = ['score', 'ev', 'sparsity', 'quantiles']

/** Options that belong to some of the figures. */
const optionsOfSome: Readonly<Record<string, readonly string[]>> = {
  all: Object.keys(kinds).filter((name) => name !== 'composition'),
  of: ['costs', 'histogram'],
  layers: ['composition'],
  activations: ofActivations,
  mask: ofActivations,
  quantiles: ['quantiles'],
  losses: ['ev', 'sparsity'],
}

export const figuresCommand: Command = {
  name: 'figures',
  summary: 'the figures of the paper as tables, csv, JSON and charts',
  positionals: ['FIGURE', 'RUN...'],
  options: {
    all: { help: 'all pairs of the runs (default: those of neighbouring layers)' },
    of: {
      value: 'WHAT',
      choices: distributionNames,
      help: 'for costs and histogram: what of the pairs (default decoder, its MSE)',
    },
    layers: { value: 'X,Y,Z', help: 'for composition: the layers, in their order (default: all of the run)' },
    activations: { value: 'DIR', help: 'for score, ev, sparsity, quantiles: layer_L.npy, .npz or .safetensors' },
    mask: { value: 'FILE', help: '.npy [tokens] of bool or integers: 0 leaves a token out' },
    quantiles: { value: 'LIST', help: 'for quantiles: shares of the pairs (default 0,0.1,0.25,0.5,0.7,0.9,1)' },
    losses: { value: 'FILE', help: 'for ev and sparsity: losses measured in the model (docs/figures.md)' },
    out: { value: 'FILE', help: 'write the table to .csv or .json, or the chart to .svg' },
    ...readRunOptions,
    ...backendOptions,
  },
  details: [
    'FIGURE is objective (figure 3), costs, histogram (5, 6), score (7, 12), composition (8), ev (10, 11), sparsity (14) or quantiles (16, 17); the number in the paper (arXiv 2410.07656) will do. RUN is a run directory of sae-match match or pairs; several are put into one table, e.g. runs with other objectives.',
    'score, ev, sparsity and quantiles evaluate the matches on dumped activations.',
  ],
  examples: [
    'sae-match figures objective run --out objective.svg',
    'sae-match figures score run run-decoder run-unfolded --activations activations --out score.csv',
    'sae-match figures 8 run-all',
  ],
  run: async (args, context) => {
    applyThreads(args)
    const { terminal, signal } = context
    const [typed, ...paths] = args.positionals
    const name = kindOf(typed)
    requireFitting(name, args)
    if (paths.length === 0) throw new UsageError('Expected FIGURE RUN..., got no RUN')
    const output = await readOutput(args, 'out', ['csv', 'json', 'svg'])
    const optionsOf = readList(args, 'options-of') ?? []
    const runs: Run[] = []
    for (const path of paths) runs.push(await readRun(path, { optionsOf, signal }))
    const progress = createProgress(terminal, args.has('quiet'))
    const figure = await makeFigure(name, runs, args, context, progress)
    progress.clear()
    const warnings = runs.flatMap((run) => runWarnings(run, []))
    const report = reportOf(figure, warnings, output?.path ?? null)
    if (output !== null) {
      const contents = { csv: encodeFigureCsv, json: () => encodeJson({ schemaVersion, ...report }), svg: encodeSvg }
      await writeFileAtomically(output.path, contents[output.format](figure))
    }
    if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
    else terminal.print(renderFigure(figure, warnings, output?.path ?? null, terminal.colors, terminal.width))
  },
}

function kindOf(typed: string): string {
  if (Object.hasOwn(kinds, typed)) return typed
  const numbered = Object.keys(kinds).find((name) => kinds[name].paper.includes(typed))
  if (numbered !== undefined) return numbered
  throw new UsageError(`Expected ${Object.keys(kinds).join(', ')} or a number of the paper for FIGURE, got ${typed}`)
}

/** @throws UsageError for an option that says nothing about this figure */
function requireFitting(name: string, args: Arguments): void {
  for (const [option, figures] of Object.entries(optionsOfSome)) {
    if (!args.has(option) || figures.includes(name)) continue
    throw new UsageError(`--${option} goes with ${figures.join(', ')}, not with ${name}`)
  }
}

/** What `--json` prints: scripts rely on these names. */
function reportOf(figure: Figure, warnings: readonly string[], out: string | null) {
  const { name, paper, title, note } = figure
  return { figure: name, paper, title, rows: figureRecords(figure), note, out, warnings }
}

function encodeFigureCsv({ columns, rows }: Figure): string {
  const names = columns.map(({ name }) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
  return encodeCsv(
    ['schema_version', ...names],
    rows.map((row) => [schemaVersion, ...row]),
  )
}

async function makeFigure(
  name: string,
  runs: readonly Run[],
  args: Arguments,
  context: CommandContext,
  progress: ProgressDisplay,
): Promise<Figure> {
  if (name === 'composition') return composition(runs, args, context, progress)
  const pairs = runs.flatMap((run) => (args.has('all') ? run.pairs : neighbours(run)))
  if (kinds[name].from === 'records') {
    const recorded = pairs.map(recordedPair)
    const of = (args.text('of') ?? 'decoder') as DistributionName
    if (name === 'objective') return objectiveFigure(recorded)
    return name === 'costs' ? costsFigure(recorded, of) : histogramFigure(recorded, of)
  }
  const evaluated = await evaluateAll(name, pairs, args, context, progress)
  const figures = {
    ev: explainedVarianceFigure,
    score: scoreFigure,
    sparsity: sparsityFigure,
    quantiles: quantilesFigure,
  }
  return figures[name as keyof typeof figures](evaluated)
}

/** The pairs of layers between which the run has no other; all where it has none such. */
function neighbours({ inputs, pairs }: Run): readonly RunPair[] {
  const layers = [...new Set(inputs.map(({ layer }) => layer))]
  const found = pairs.filter(({ a, b }) => {
    if (a.layer === null || b.layer === null) return false
    return Math.abs(layers.indexOf(a.layer) - layers.indexOf(b.layer)) === 1
  })
  return found.length > 0 ? found : pairs
}
