import { loadSae } from '../matching/load.js'
import { type Nearest, type NearestFeatures, nearest } from '../matching/nearest.js'
import { distribution, linearEdges, quantileLevels } from '../matching/statistics.js'
import { writeFileAtomically } from '../output/atomic-file.js'
import { encodeNearest, nearestFormats } from '../output/nearest-file.js'
import { shortNames } from '../output/short-names.js'
import { UsageError } from './arguments.js'
import type { Command } from './command.js'
import { givenNumberOptions, readGivenNumbers } from './given-numbers.js'
import { columnChart } from './histogram.js'
import { inputOptions, readInputs } from './inputs.js'
import {
  applyThreads,
  backendOptions,
  checkpointOptions,
  matchOptions,
  readActivationScales,
  readMatchOptions,
} from './match-options.js'
import { decimals, duration, percent, whole } from './numbers.js'
import { readOutput } from './output-file.js'
import { createProgress } from './progress.js'
import { warningLines } from './table.js'
import type { Colors } from './terminal.js'

const { scale, sign, weights, unfoldable } = matchOptions

/** Lines that a text file can hold: JavaScript's texts end at half a gigabyte. */
const mostOfText = 4e6

export const nearestCommand: Command = {
  name: 'nearest',
  summary: 'the nearest features of two SAEs, many to one',
  positionals: ['A', 'B'],
  options: {
    k: { value: 'N', short: 'k', help: 'how many nearest features are wanted (default 1)' },
    out: { value: 'FILE', help: 'write all of them to this .npz, .json or .csv' },
    scale,
    sign,
    weights,
    unfoldable,
    ...givenNumberOptions,
    ...backendOptions,
    ...checkpointOptions,
    ...inputOptions,
  },
  details: [
    'Finds for every feature of A the nearest features of B and the other way round, exactly and over all pairs, by the same costs as match. Unlike a match it may give many features the same partner. With the same SAE twice it leaves out every feature itself: how alike its features are.',
    'With --scale unit --weights decoder the nearest is the one of the largest decoder cosine, and the mean printed is MMCS.',
  ],
  examples: [
    'sae-match nearest saes/layer_12 saes/layer_13 -k 5 --out nearest.npz',
    'sae-match nearest saes/layer_12 saes/layer_12 --scale unit --weights decoder',
  ],
  run: async (args, context) => {
    const { terminal, signal } = context
    applyThreads(args)
    const start = performance.now()
    const k = args.count('k') ?? 1
    const output = await readOutput(args, 'out', nearestFormats)
    const paths = await readInputs(args.positionals, args, context)
    const [pathA, pathB] = paths
    const given = await readGivenNumbers(args, [pathA, pathB], signal)
    const { backend, scale, sign, alignment, weights, unfoldable, dead } = readMatchOptions(args, given)
    const format = args.text('format')
    const activationScales = readActivationScales(args)
    const progress = createProgress(terminal, args.has('quiet'))
    const [nameA, nameB] = pathA === pathB ? Array(2).fill(shortNames([pathA])[0]) : shortNames([pathA, pathB])
    progress.begin(`${nameA} → ${nameB}`)
    const load = (side: 0 | 1) =>
      loadSae(paths[side], { backend, format, activationScale: activationScales?.[side], signal })
    const a = await load(0)
    const b = pathA === pathB ? a : await load(1)
    const lines = (a.decoder.rows + b.decoder.rows) * k
    if (output !== null && output.format !== 'npz' && lines > mostOfText) {
      throw new UsageError(`Expected a file that ends in .npz for ${whole(lines)} nearest features, got ${output.path}`)
    }
    const found = await nearest(a, b, {
      k,
      scale,
      sign,
      alignment,
      weights,
      unfoldable,
      dead,
      backend,
      signal,
      onProgress: progress.update,
    })
    progress.clear()
    if (output !== null) await writeFileAtomically(output.path, encodeNearest(found, output.format))
    const out = output?.path
    const total = performance.now() - start
    if (args.has('json')) terminal.print(JSON.stringify(report(nameA, nameB, found, out, total), null, 2))
    else terminal.print(render(nameA, nameB, found, out, total, terminal.colors, terminal.width))
  },
}

/** What `--json` prints: scripts rely on these names. */
function report(a: string, b: string, found: Nearest, out: string | undefined, total: number) {
  const side = (features: NearestFeatures) => ({
    meanCosineDecoder: features.meanCosineDecoder,
    cosineDecoder: cosines(features, found.k),
  })
  const { n, m, k, backend, mutualShare, warnings } = found
  return {
    a,
    b,
    n,
    m,
    k,
    backend,
    mutualShare,
    aToB: side(found.aToB),
    bToA: side(found.bToA),
    quantileLevels,
    out: out ?? null,
    warnings,
    milliseconds: { total },
  }
}

/** How alike the decoders of features and of their nearest are. */
function cosines({ cosineDecoder }: NearestFeatures, k: number) {
  const first = cosineDecoder.filter((_, place) => place % k === 0)
  return distribution(first, () => linearEdges(-1, 1, 40))
}

function render(
  a: string,
  b: string,
  found: Nearest,
  out: string | undefined,
  total: number,
  colors: Colors,
  width: number,
): string {
  const { n, m, aToB, bToA, mutualShare, k } = found
  const self = aToB === bToA
  const sides: [string, NearestFeatures][] = self
    ? [[`${a} → itself`, aToB]]
    : [
        [`${a} → ${b}`, aToB],
        [`${b} → ${a}`, bToA],
      ]
  const lines = sides.flatMap(([title, features]) => {
    const { quantiles, histogram } = cosines(features, k)
    const [low, median, high] = [0.25, 0.5, 0.75].map((level) =>
      decimals(quantiles[quantileLevels.indexOf(level as 0.5)], 3),
    )
    const mean = decimals(features.meanCosineDecoder, 3)
    const first = Math.min(
      Math.max(
        0,
        histogram.counts.findIndex((count) => count > 0),
      ),
      20,
    )
    const chart = columnChart(histogram.counts.slice(first), 3, 2)
    return [
      '',
      `${title}: decoder cosine with the nearest, mean ${colors.bold(mean)}, quartiles ${low}  ${median}  ${high}`,
      ...chart.map(colors.cyan),
      colors.dim(`${decimals(histogram.edges[first], 2).padEnd(chart[0].length - 1)}1`),
    ]
  })
  return [
    `${colors.bold(self ? a : `${a} → ${b}`)}  ${whole(n)} × ${whole(m)} features`,
    ...[
      `${percent(mutualShare)} of the features have a mutual nearest neighbour`,
      ...lines,
      '',
      ...(k > 1 && out === undefined ? [`all ${k} nearest of every feature: --out FILE.npz, .json or .csv`] : []),
      colors.dim(duration(total)),
      ...(out === undefined ? [] : [colors.dim(out)]),
      ...warningLines(found.warnings, width - 2, colors.yellow),
    ].map((line) => `  ${line}`.trimEnd()),
  ].join('\n')
}
