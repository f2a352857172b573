import { join } from 'node:path'
import { neuronpediaUrl } from '../labels/neuronpedia.js'
import { ensureDirectory, writeFileAtomically } from '../output/atomic-file.js'
import { encodeNpy } from '../output/npy.js'
import type { RunPair } from '../runs/read-run.js'
import { encodeTable, tableFormats } from '../tables/encode-table.js'
import { type FeatureNames, matchTable } from '../tables/match-table.js'
import { readPairArrays } from '../tables/read-pair.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command } from './command.js'
import { namesOnce } from './feature-names.js'
import { whole } from './numbers.js'
import { openRun, readRunOptions, runWarnings } from './read-runs.js'
import { pairTitle } from './run-pairs.js'
import { warningLines } from './table.js'

const formats = [...tableFormats, 'npy'] as const

export const exportCommand: Command = {
  name: 'export',
  summary: 'tables of matches, with what features mean: csv, Parquet, JSON lines',
  positionals: ['RUN'],
  options: {
    ...readRunOptions,
    to: { value: 'LIST', help: `${formats.join(', ')}: one or several (default csv)` },
    labels: { value: 'DIR', help: 'descriptions of features: NAME.jsonl(.gz) of each SAE, or exports of Neuronpedia' },
    out: { value: 'DIR', help: 'where the tables go (default RUN/tables)' },
  },
  details: [
    'Writes a table for every pair of a run directory, one row for each feature of A: the partner, costs, cosines, margin, ranks, the ids of both on Neuronpedia, and what both mean where there are labels.',
    'npy writes the partners alone, as P_LL_LL.npy (int32, -1 where there is none).',
  ],
  examples: [
    'sae-match export sae-match-run --to parquet',
    'sae-match export sae-match-run --labels neuronpedia/v1 --to csv,parquet',
  ],
  run: async (args, context) => {
    const { terminal, signal } = context
    const wanted = readFormats(args)
    const out = args.text('out') ?? join(args.positionals[0], 'tables')
    const run = await openRun(args, context)
    const known = namesOnce(args.text('labels') ?? null, signal)
    const pairs: ExportedPair[] = []
    const layers = run.pairs.map(layerName)
    for (const [place, pair] of run.pairs.entries()) {
      // several SAEs of a layer keep their own names
      const isOnly = layers.indexOf(layers[place]) === layers.lastIndexOf(layers[place])
      const npyName = isOnly ? layers[place] : pair.stem
      const arrays = await readPairArrays(pair, signal)
      const names = { a: await known.of(pair, 'a'), b: await known.of(pair, 'b') }
      await ensureDirectory(out)
      const files: string[] = []
      for (const format of wanted) {
        const file = join(out, format === 'npy' ? `${npyName}.npy` : `${pair.stem}.${format}`)
        const isTable = format !== 'npy'
        const contents = isTable ? await encodeTable(matchTable(arrays, names), format) : encodeNpy(arrays.a_to_b)
        await writeFileAtomically(file, contents)
        files.push(file)
      }
      pairs.push(exportedPair(pair, arrays.a_to_b, names, files))
    }
    const warnings = [...runWarnings(run, []), ...known.warnings()]
    if (args.has('json')) return terminal.print(JSON.stringify({ out, pairs, warnings }, null, 2))
    for (const { a, b, rows, labelled, files } of pairs) {
      const meant = labelled === null ? '' : `, ${whole(labelled)} with both labels`
      terminal.print(`${pairTitle(a.name, b.name)}  ${whole(rows)} rows${meant}`)
      for (const file of files) terminal.print(`  ${terminal.colors.dim(file)}`)
    }
    for (const line of warningLines(warnings, terminal.width, terminal.colors.yellow)) terminal.print(line)
  },
}

type ExportedPair = ReturnType<typeof exportedPair>

/** A pair of `--json`: scripts rely on these names. */
function exportedPair(
  { a, b }: RunPair,
  partner: Int32Array,
  names: { readonly a: FeatureNames; readonly b: FeatureNames },
  files: readonly string[],
) {
  return {
    a: sideJson(a.name, names.a),
    b: sideJson(b.name, names.b),
    rows: partner.length,
    labelled: countLabelled(partner, names),
    files,
  }
}

function sideJson(name: string, { source }: FeatureNames) {
  return { name, neuronpedia: source, url: source === null ? null : neuronpediaUrl(source) }
}

/** `P_03_04`, or the names of the pair where layers are unknown. */
function layerName({ record: { a, b }, stem }: RunPair): string {
  if (a.layer === null || b.layer === null) return stem
  const padded = (layer: number) => String(layer).padStart(2, '0')
  return `P_${padded(a.layer)}_${padded(b.layer)}`
}

/** How many pairs have both labels; null where there are none at all. */
function countLabelled(partner: Int32Array, { a, b }: { a: FeatureNames; b: FeatureNames }): number | null {
  if (a.labels === null && b.labels === null) return null
  return partner.reduce((count, j, i) => count + Number(a.labels?.has(i) === true && b.labels?.has(j) === true), 0)
}

function readFormats(args: Arguments): (typeof formats)[number][] {
  const typed = (args.text('to') ?? 'csv').split(',').map((part) => part.trim())
  const isFormat = (name: string): name is (typeof formats)[number] => (formats as readonly string[]).includes(name)
  const wrong = typed.find((name) => !isFormat(name))
  if (wrong !== undefined) throw new UsageError(`Expected ${formats.join(', ')} for --to, got ${wrong}`)
  return [...new Set(typed.filter(isFormat))]
}
