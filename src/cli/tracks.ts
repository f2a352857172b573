import { writeFileAtomically } from '../output/atomic-file.js'
import { encodeCsv } from '../output/csv.js'
import { encodeJson } from '../output/json.js'
import { findStep } from '../runs/choose.js'
import type { RunInput } from '../runs/read-run.js'
import { cutSteps } from '../tracks/cut.js'
import { flowGraph } from '../tracks/flow-graph.js'
import { type Lifetimes, lifetimes } from '../tracks/lifetimes.js'
import { readSteps } from '../tracks/read-step.js'
import { findTracks, type Tracks } from '../tracks/tracks.js'
import type { Command } from './command.js'
import { columnChart } from './histogram.js'
import { percent, whole } from './numbers.js'
import { readOutput } from './output-file.js'
import {
  type CutJson,
  cutJson,
  cutOptions,
  cutText,
  inputJson,
  openRun,
  readCut,
  readLayers,
  readRunOptions,
  runWarnings,
  schemaVersion,
} from './read-runs.js'
import { type Column, renderTable, warningLines } from './table.js'
import type { Terminal } from './terminal.js'

export const tracksCommand: Command = {
  name: 'tracks',
  summary: 'follows features through layers: tracks, lifetimes, births and deaths',
  positionals: ['RUN'],
  options: {
    ...cutOptions,
    layers: { value: 'LIST', help: 'the layers in their order (default: all of the run)' },
    out: { value: 'FILE', help: 'write every track to this .json or .csv' },
    graph: { value: 'FILE', help: 'write the flow graph (layers, nodes, edges) to this .json' },
    ...readRunOptions,
  },
  details: [
    'Chains the matches of consecutive layers of a run directory. A track ends where a feature has no partner or where a step is cut; without --cost, --cosine or --mutual no step is. Several cuts hold together.',
    'See docs/tracks.md for files and --json.',
  ],
  examples: [
    'sae-match tracks sae-match-run --cosine 0.7',
    'sae-match tracks sae-match-run --mutual --out tracks.csv --graph flow.json',
    'sae-match tracks sae-match-run --layers 10,12,14',
  ],
  run: async (args, context) => {
    const { terminal, signal } = context
    const cut = readCut(args)
    const out = await readOutput(args, 'out', ['json', 'csv'])
    const graph = await readOutput(args, 'graph', ['json'])
    const run = await openRun(args, context)
    const layers = readLayers(args, run)
    const found = layers.slice(1).map((layer, k) => findStep(run, layers[k], layer))
    const steps = cutSteps(await readSteps(found, signal), cut)
    const tracks = findTracks(steps)
    const lives = lifetimes(tracks)
    const report = {
      run: run.path,
      cut: cutJson(cut),
      layers: layers.map((layer, k) => layerJson(layer, k, lives)),
      tracks: tracks.count,
      lengths: Array.from(lives.lengths),
      survival: layers.map((_, from) => ragged(lives.survival, lives.layers, from)),
      pooledSurvival: Array.from(lives.pooledSurvival),
      out: out?.path ?? null,
      graph: graph?.path ?? null,
      warnings: runWarnings(run, found),
    }
    if (out !== null) {
      const contents =
        out.format === 'csv'
          ? encodeTracksCsv(layers, tracks)
          : encodeJson({ schemaVersion, ...report, list: listTracks(tracks) })
      await writeFileAtomically(out.path, contents)
    }
    if (graph !== null) await writeFileAtomically(graph.path, `${JSON.stringify(flowGraph(layers, steps))}\n`)
    if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
    else terminal.print(render(report, terminal))
  },
}

/** A layer in `--json`; at the ends of the run births and deaths are not known. */
function layerJson(layer: RunInput, k: number, { births, deaths, layers }: Lifetimes) {
  return {
    ...inputJson(layer),
    births: k === 0 ? null : births[k],
    deaths: k === layers - 1 ? null : deaths[k],
  }
}

/** The part of row `from` of an upper triangle that is defined: entry k is k layers on. */
function ragged(square: Float64Array, layers: number, from: number): number[] {
  return Array.from(square.subarray(from * layers + from, (from + 1) * layers))
}

/** The tracks of the `.json`, in their order. */
function listTracks({ count, start, offsets, features, cost, cosine }: Tracks) {
  return Array.from({ length: count }, (_, track) => {
    const [first, end] = [offsets[track], offsets[track + 1]]
    return {
      start: start[track],
      features: features.subarray(first, end),
      costs: cost.subarray(first + 1, end),
      cosines: cosine.subarray(first + 1, end),
    }
  })
}

/** One line for each feature of each track. */
function encodeTracksCsv(
  layers: readonly RunInput[],
  { count, start, offsets, features, cost, cosine }: Tracks,
): string {
  const columns = ['schema_version', 'track', 'length', 'sae', 'layer', 'feature', 'cost', 'cosine_decoder']
  const rows: (string | number | null)[][] = []
  for (let track = 0; track < count; track++) {
    const [first, end] = [offsets[track], offsets[track + 1]]
    for (let place = first; place < end; place++) {
      const { name, layer } = layers[start[track] + place - first]
      rows.push([schemaVersion, track, end - first, name, layer, features[place], cost[place], cosine[place]])
    }
  }
  return encodeCsv(columns, rows)
}

interface Report {
  readonly cut: CutJson
  readonly layers: readonly ReturnType<typeof layerJson>[]
  readonly tracks: number
  readonly lengths: readonly number[]
  readonly survival: readonly (readonly number[])[]
  readonly pooledSurvival: readonly number[]
  readonly out: string | null
  readonly graph: string | null
  readonly warnings: readonly string[]
}

function render(report: Report, { colors, width }: Terminal): string {
  const { layers, tracks, lengths, pooledSurvival, survival, out, graph, warnings } = report
  const files = [out, graph].filter((file) => file !== null)
  const lines = [
    `${whole(tracks)} tracks, ${cutText(report.cut) ?? 'cut only where a feature has no partner'}`,
    ...(cutText(report.cut) === null && pooledSurvival.every((share) => share === 1)
      ? [
          'A full match gives every feature a partner, near or not: --mutual, --cosine 0.7 or --cost end tracks that do not hold.',
        ]
      : []),
    '',
    ...renderTable(
      [
        { title: 'tracks of', align: 'left' },
        ...lengths.map((_, k): Column => ({ title: String(k + 1), align: 'right' })),
        { title: lengths.length === 1 ? 'layer' : 'layers', align: 'left' },
      ],
      [['', ...lengths.map(whole), '']],
      colors.dim,
    ),
    '',
    'features still in their track so many layers on',
    ...survivalChart(pooledSurvival, colors),
    '',
    ...renderTable(
      [
        { title: 'layer', align: 'left' },
        ...['features', 'births', 'deaths'].map((title): Column => ({ title, align: 'right' })),
        ...layers.slice(1).map((_, k): Column => ({ title: `+${k + 1}`, align: 'right' })),
      ],
      layers.map(({ name, features, births, deaths }, k) => [
        name,
        ...[features, births ?? Number.NaN, deaths ?? Number.NaN].map(whole),
        ...layers.slice(1).map((_, d) => (d + 1 < survival[k].length ? percent(survival[k][d + 1]) : '')),
      ]),
      colors.dim,
    ),
    ...(files.length === 0 ? [] : ['', ...files.map(colors.dim)]),
    ...warningLines(warnings, width - 2, colors.yellow),
  ]
  const title = `${layers[0].name} → ${layers[layers.length - 1].name}`
  return [`${colors.bold(title)}  ${whole(layers.length)} layers`, ...lines.map((line) => `  ${line}`.trimEnd())].join(
    '\n',
  )
}

/** A column for every number of layers, full height for all features. */
function survivalChart(shares: readonly number[], colors: Terminal['colors']): string[] {
  const [block, cell] = [6, 8]
  const columns = shares.map((share) => columnChart([1, share], 4, block).map((line) => line.slice(block)))
  const line = (cells: readonly string[]) => cells.map((text) => text.padEnd(cell)).join('')
  return [
    ...Array.from({ length: 4 }, (_, row) => colors.cyan(line(columns.map((column) => column[row])))),
    line(shares.map(percent)),
    colors.dim(line(shares.map((_, k) => (k === 0 ? '0' : `+${k}`)))),
  ]
}
