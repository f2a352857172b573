import { getBackend } from '../backend/select.js'
import { loadSae } from '../matching/load.js'
import { quantiles } from '../matching/statistics.js'
import { foldingFactors } from '../sae/fold.js'
import { squaredRowNorms } from '../sae/row-norms.js'
import { featureCount, type Sae } from '../sae/sae.js'
import type { Matrix } from '../tensor/matrix.js'
import type { RowMath } from '../tensor/row-math.js'
import type { Command } from './command.js'
import { inputOptions, readInputs } from './inputs.js'
import { applyThreads, backendOptions, checkpointOptions } from './match-options.js'
import { significant, size, whole } from './numbers.js'
import { renderDefinitions, warningLines } from './table.js'
import type { Terminal } from './terminal.js'

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'what a checkpoint holds and how it will be folded',
  positionals: ['FILE|DIR'],
  options: {
    ...backendOptions,
    format: checkpointOptions.format,
    ...inputOptions,
    'activation-scale': { value: 'S', help: 'the factor on activations, where the checkpoint does not say it' },
  },
  details: [
    'Reads a checkpoint and shows its shapes, types and architecture, its thresholds and norms, which features cannot be folded or are dead, and what is doubtful about it.',
  ],
  examples: ['sae-match inspect saes/layer_12', 'sae-match inspect params.npz --json'],
  run: async (args, context) => {
    const { terminal, signal } = context
    applyThreads(args)
    const backend = args.text('backend') as 'auto' | undefined
    const activationScale = args.number('activation-scale')
    const [path] = await readInputs(args.positionals, args, context)
    const sae = await loadSae(path, { backend, format: args.text('format'), activationScale, signal })
    const inspection = await inspect(sae, await getBackend(backend))
    terminal.print(args.has('json') ? JSON.stringify(inspection, null, 2) : render(inspection, terminal))
  },
}

type Spread = Record<'min' | 'median' | 'max', number>
type Inspection = Awaited<ReturnType<typeof inspect>>

/** What `--json` prints. Norms are those of the canonical SAE, scales included. */
async function inspect(sae: Sae, math: RowMath) {
  const { source, threshold } = sae
  const decoderNorms = await rowNorms(sae.decoder, sae.decoderScale, math)
  return {
    path: source.path,
    family: source.family,
    files: source.files,
    features: featureCount(sae),
    dimension: sae.encoder.columns,
    encoder: describeMatrix(sae.encoder),
    decoder: describeMatrix(sae.decoder),
    architecture: sae.architecture,
    activation: sae.activation,
    inputNorm: sae.inputNorm,
    model: sae.model,
    site: sae.site,
    hook: sae.hook,
    layer: sae.layer,
    averageL0: sae.averageL0 ?? null,
    thresholds: threshold === null ? null : describeThresholds(threshold),
    decoderNorms: spread(decoderNorms),
    encoderNorms: spread(await rowNorms(sae.encoder, sae.encoderScale, math)),
    encoderBias: spread(sae.encoderBias),
    deadRows: decoderNorms.filter((norm) => norm === 0).length,
    folding:
      threshold === null ? 'none: no thresholds; match with --scale unit or none' : 'thresholds into the weights',
    warnings: sae.warnings,
  }
}

function describeMatrix({ dtype, rows, columns, rowStride }: Matrix) {
  return { dtype, shape: [rows, columns], storedTransposed: rowStride === 1 && columns > 1 }
}

function describeThresholds(threshold: Float64Array) {
  const { unfoldable } = foldingFactors(threshold)
  return { ...spread(threshold.filter(Number.isFinite)), unfoldable: Array.from(unfoldable) }
}

async function rowNorms(matrix: Matrix, scale: Float64Array | null, math: RowMath): Promise<Float64Array> {
  return (await squaredRowNorms(matrix, math)).map((square, i) => Math.sqrt(square) * Math.abs(scale?.[i] ?? 1))
}

function spread(values: Float64Array): Spread {
  const [min, median, max] = quantiles(values.slice().sort(), [0, 0.5, 1])
  return { min, median, max }
}

function render(found: Inspection, { colors, width }: Pick<Terminal, 'colors' | 'width'>): string {
  const { encoder, decoder, thresholds } = found
  const matrix = ({ dtype, shape, storedTransposed }: Inspection['encoder']) =>
    `${whole(shape[0])} × ${whole(shape[1])} ${dtype}${storedTransposed ? ', stored transposed' : ''}`
  const activation = found.activation.kind === 'topk' ? `topk, k = ${found.activation.k}` : found.activation.kind
  const entries: [string, string][] = [
    ['files', found.files.map(({ path, bytes }) => `${path} (${size(bytes)})`).join(', ')],
    ['family', found.family],
    ['architecture', `${found.architecture} (${activation})`],
    ['reads', [found.model, found.hook, found.site].filter((part) => part !== null).join(', ')],
    ['layer', found.layer === null ? 'unknown' : String(found.layer)],
    ['encoder', matrix(encoder)],
    ['decoder', matrix(decoder)],
    ['encoder norms', spreadText(found.encoderNorms)],
    [
      'decoder norms',
      `${spreadText(found.decoderNorms)}${found.deadRows > 0 ? `, ${whole(found.deadRows)} are zero` : ''}`,
    ],
    ['encoder bias', spreadText(found.encoderBias)],
    ['thresholds', thresholds === null ? 'none' : spreadText(thresholds)],
    ['unfoldable', thresholds === null ? '-' : whole(thresholds.unfoldable.length)],
    ['folding', found.folding],
    ...(found.averageL0 === null ? [] : ([['average L0', significant(found.averageL0)]] as [string, string][])),
    ...(found.inputNorm === 'none' ? [] : ([['input norm', found.inputNorm]] as [string, string][])),
  ]
  return [
    colors.bold(`${found.path}  ${whole(found.features)} features of width ${whole(found.dimension)}`),
    ...renderDefinitions(
      entries.map(([term, text]) => [`  ${colors.dim(term)}`, text] as const),
      width,
    ),
    ...warningLines(found.warnings, width - 2, (line) => `  ${colors.yellow(line)}`),
  ].join('\n')
}

function spreadText({ min, median, max }: Spread): string {
  return `${significant(min)} .. ${significant(median)} .. ${significant(max)} (least, median, largest)`
}
