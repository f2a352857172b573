import { writeFileAtomically } from '../output/atomic-file.js'
import { encodeCsv } from '../output/csv.js'
import { encodeJson } from '../output/json.js'
import { findStep, findStepIfAny, type RunStep } from '../runs/choose.js'
import type { RunInput } from '../runs/read-run.js'
import { comparePaths, type DistanceSummary, type PathComparison, summariseByDistance } from '../tracks/by-distance.js'
import { cutSteps } from '../tracks/cut.js'
import { readStep, readSteps } from '../tracks/read-step.js'
import { layerSizes } from '../tracks/step.js'
import type { Arguments } from './arguments.js'
import type { CommandContext } from './command.js'
import { bar } from './histogram.js'
import { comparable, percent, whole } from './numbers.js'
import { readOutput } from './output-file.js'
import {
  type CutJson,
  cutJson,
  cutText,
  inputJson,
  openRun,
  readCut,
  readLayers,
  runWarnings,
  schemaVersion,
} from './read-runs.js'
import { type Column, renderTable, warningLines, wrap } from './table.js'
import type { Terminal } from './terminal.js'

/** `sae-match compose RUN --all`: every path of layers beside the direct match of its ends. */
export async function composeAll(args: Arguments, context: CommandContext): Promise<void> {
  const { terminal, signal } = context
  const out = await readOutput(args, 'out', ['json', 'csv'])
  const run = await openRun(args, context)
  const layers = readLayers(args, run)
  const found: RunStep[] = layers.slice(1).map((layer, k) => findStep(run, layers[k], layer))
  const cut = readCut(args)
  const steps = cutSteps(await readSteps(found, signal), cut)
  const comparisons = await comparePaths(steps, async (from, to) => {
    const step = findStepIfAny(run, layers[from], layers[to])
    if (step === null) return null
    found.push(step)
    return readStep(step, signal)
  })
  const report: Report = {
    run: run.path,
    cut: cutJson(cut),
    layers: layers.map(inputJson),
    paths: comparisons.map((comparison) => pathJson(layers, comparison)),
    byDistance: summariseByDistance(comparisons, layerSizes(steps)),
    out: out?.path ?? null,
    warnings: runWarnings(run, found),
  }
  if (out !== null) {
    const contents = out.format === 'json' ? encodeJson({ schemaVersion, ...report }) : encodePathsCsv(report)
    await writeFileAtomically(out.path, contents)
  }
  if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
  else terminal.print(render(report, terminal))
}

/** What `--json` prints: scripts rely on these names. */
interface Report {
  readonly run: string
  readonly cut: CutJson
  readonly layers: readonly ReturnType<typeof inputJson>[]
  readonly paths: readonly ReturnType<typeof pathJson>[]
  readonly byDistance: readonly DistanceSummary[]
  readonly out: string | null
  readonly warnings: readonly string[]
}

function pathJson(layers: readonly RunInput[], { from, to, ...rest }: PathComparison) {
  const [a, b] = [layers[from], layers[to]]
  return { a: a.name, b: b.name, layerA: a.layer, layerB: b.layer, n: a.features, m: b.features, ...rest }
}

function encodePathsCsv({ paths }: Report): string {
  const columns = [
    ...['schema_version', 'a', 'b', 'layer_a', 'layer_b', 'distance', 'n', 'm', 'matched'],
    ...['agreement', 'same', 'compared', 'cost_sum_mean', 'cost_sum_median'],
    ...['cost_maximum_mean', 'cost_maximum_median', 'direct_cost_mean', 'direct_cost_where_same_mean'],
  ]
  const rows = paths.map(({ a, b, layerA, layerB, distance, n, m, matched, costSum, costMaximum, direct }) => [
    ...[schemaVersion, a, b, layerA, layerB, distance, n, m, matched],
    ...[direct?.agreement ?? null, direct?.same ?? null, direct?.compared ?? null, costSum.mean, costSum.median],
    ...[costMaximum.mean, costMaximum.median, direct?.cost ?? null, direct?.costWhereSame ?? null],
  ])
  return encodeCsv(columns, rows)
}

function render(report: Report, { colors, width }: Terminal): string {
  const { layers, paths, byDistance, out, warnings } = report
  const cut = cutText(report.cut)
  const distances = byDistance.map(({ distance }) => distance)
  const columns: Column[] = [
    { title: 'agreement from', align: 'left' },
    ...distances.map((distance): Column => ({ title: `+${distance}`, align: 'right' })),
  ]
  const rows = layers.slice(0, -1).map(({ name }) => {
    const own = paths.filter(({ a }) => a === name)
    return [
      name,
      ...distances.map((_, k) => (own[k] === undefined ? '' : percent(own[k].direct?.agreement ?? Number.NaN))),
    ]
  })
  const lines = [
    ...renderTable(columns, rows, colors.dim),
    '',
    ...renderTable(distanceColumns, distanceRows(byDistance, colors), colors.dim),
    '',
    ...wrap(
      'Agreement: of the features that both match, the share that the composed match sends where the direct one does. A path of one step is the direct match; where a longer one has none in the run, sae-match pairs DIR --all makes it. Costs are means over features.',
      width - 2,
    ).map(colors.dim),
    ...(out === null ? [] : [colors.dim(out)]),
    ...warningLines(warnings, width - 2, colors.yellow),
  ]
  const title = `${layers[0].name} → ${layers[layers.length - 1].name}`
  return [
    `${colors.bold(title)}  ${whole(layers.length)} layers, ${whole(paths.length)} paths${cut === null ? '' : `, ${cut}`}`,
    ...lines.map((line) => `  ${line}`.trimEnd()),
  ].join('\n')
}

const distanceColumns: readonly Column[] = [
  { title: 'steps', align: 'right' },
  { title: 'paths', align: 'right' },
  { title: 'arrive', align: 'right' },
  { title: 'agreement', align: 'right' },
  { title: '', align: 'left' },
  { title: 'least', align: 'right' },
  { title: 'largest', align: 'right' },
  { title: 'sum of costs', align: 'right' },
  { title: 'dearest step', align: 'right' },
  { title: 'direct cost', align: 'right' },
]

function distanceRows(summaries: readonly DistanceSummary[], colors: Terminal['colors']): string[][] {
  const costs = comparable(
    summaries.flatMap(({ costSum, costMaximum, directCost }) => [costSum, costMaximum, directCost]),
  )
  return summaries.map(({ distance, paths, matchedShare, agreement }, row) => [
    String(distance),
    whole(paths),
    percent(matchedShare),
    percent(agreement.mean),
    colors.cyan(bar(agreement.mean || 0, 10)),
    percent(agreement.least),
    percent(agreement.largest),
    ...costs.slice(row * 3, row * 3 + 3),
  ])
}
