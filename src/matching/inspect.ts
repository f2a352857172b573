import { foldingFactors } from '../sae/fold.js'
import { squaredRowNorms } from '../sae/row-norms.js'
import { featureCount, type Sae } from '../sae/sae.js'
import type { Matrix } from '../tensor/matrix.js'
import type { RowMath } from '../tensor/row-math.js'
import { quantiles } from './statistics.js'

/** The least, the middle and the largest of some numbers; NaN without any. */
export type Spread = Readonly<Record<'min' | 'median' | 'max', number>>

/** What is in an SAE. */
type Content = Awaited<ReturnType<typeof contentOf>>

/** What is in an SAE, and what a match will make of it. */
export type Inspection = Content & {
  /** What is doubtful, one sentence each. */
  readonly warnings: readonly string[]
}

/** How far from 1 the norm of a decoder row may be and still count as 1: far above what rounding to bf16 does. */
const unitTolerance = 0.01

/**
 * Describes an SAE for people and for `--json`. Norms are those of the canonical SAE, scales included.
 * @param dead how many features never fire, where that is known from elsewhere
 */
export async function inspectSae(sae: Sae, math: RowMath, dead: number | null = null): Promise<Inspection> {
  const content = await contentOf(sae, math, dead)
  return { ...content, warnings: [...warningsOf(sae, content), ...sae.warnings] }
}

async function contentOf(sae: Sae, math: RowMath, dead: number | null) {
  const { source, threshold } = sae
  const decoderNorms = await rowNorms(sae.decoder, sae.decoderScale, math)
  const thresholds = threshold === null ? null : describeThresholds(sae, threshold)
  const deadRows = decoderNorms.filter((norm) => norm === 0).length
  return {
    path: source.path,
    family: source.family,
    files: source.files,
    features: featureCount(sae),
    dimension: sae.encoder.columns,
    outputDimension: sae.decoder.columns,
    encoder: describeMatrix(sae.encoder),
    decoder: describeMatrix(sae.decoder),
    architecture: sae.architecture,
    activation: sae.activation,
    inputNorm: sae.inputNorm,
    model: sae.model,
    site: sae.site,
    outputSite: sae.outputSite ?? null,
    hook: sae.hook,
    layer: sae.layer,
    averageL0: sae.averageL0 ?? null,
    thresholds,
    decoderNorms: spread(decoderNorms.filter((norm) => norm > 0)),
    encoderNorms: spread(await rowNorms(sae.encoder, sae.encoderScale, math)),
    encoderBias: spread(sae.encoderBias),
    /** Features whose decoder row is zero. */
    deadRows,
    /** Features that never fire, by what is said about them beside the weights; null where nothing is. */
    neverActive: dead,
    folding: thresholds === null ? ('none' as const) : ('thresholds into the weights' as const),
  }
}

/** What makes SAEs that lie together no one set of layers, one sentence each. */
export function inspectTogether(found: readonly Inspection[]): string[] {
  const kinds: readonly (readonly [what: string, of: (one: Inspection) => unknown])[] = [
    ['sites', ({ site, outputSite }) => (outputSite === null ? site : `${site} to ${outputSite}`)],
    ['models', ({ model }) => model],
    ['widths of activations', ({ dimension }) => dimension],
    ['normalisations of the input', ({ inputNorm }) => inputNorm],
  ]
  return kinds.flatMap(([what, of]) => {
    const values = [...new Set(found.map(of))].filter((value) => value !== null)
    return values.length > 1 ? [`Several ${what}: ${values.join(', ')}.`] : []
  })
}

function warningsOf(
  { activation, inputNorm, decoderOnly, skipConnection, site, outputSite }: Sae,
  { decoderNorms, thresholds, deadRows, neverActive, features }: Content,
): string[] {
  const warnings: string[] = []
  if (inputNorm !== 'none') {
    const how = inputNorm === 'layer-norm' ? 'by LayerNorm' : 'to one norm'
    warnings.push(`Every input is normalised ${how}: directions compare, scales do not; match with --scale unit.`)
  }
  if (thresholds === null) {
    const kind = { topk: 'TopK', groupmax: 'GroupMax', relu: 'ReLU', jumprelu: 'JumpReLU', gated: 'gate' }
    warnings.push(
      `Its ${kind[activation.kind]} has no thresholds to fold: match with --scale unit, --scale none or a statistic of every feature.`,
    )
  } else if (thresholds.unfoldable.length > 0) {
    warnings.push(
      `${thresholds.unfoldable.length} of ${features} thresholds cannot be folded; a match leaves those features out (or --unfoldable median).`,
    )
  }
  if (decoderNorms.min < 1 - unitTolerance || decoderNorms.max > 1 + unitTolerance) {
    const matters = thresholds === null ? '--scale none and unit take that out' : 'folding takes that out'
    warnings.push(`Decoder rows are not of unit norm; ${matters}.`)
  }
  if (deadRows > 0) warnings.push(`${deadRows} of ${features} decoder rows are zero; they take part in a match.`)
  if (neverActive !== null && neverActive > 0) {
    warnings.push(`${neverActive} of ${features} features never fire, as the file of firing rates beside it says.`)
  }
  if (typeof decoderOnly === 'string') warnings.push(`Only decoders can be compared: ${decoderOnly}.`)
  else if (site === 'transcoder' || site === 'crosscoder') {
    const place = outputSite ?? (site === 'transcoder' ? 'mlp-out' : 'unknown')
    warnings.push(
      `Its decoder writes to another place (${place}) than its encoder reads: SAEs of that place compare by decoders alone.`,
    )
  }
  if (skipConnection === true) warnings.push('A linear map from its input to its output is left out.')
  return warnings
}

function describeMatrix({ dtype, rows, columns, rowStride }: Matrix) {
  return { dtype, shape: [rows, columns], storedTransposed: rowStride === 1 && columns > 1 }
}

function describeThresholds({ folded }: Sae, threshold: Float64Array) {
  const { unfoldable } = foldingFactors(threshold, folded)
  return { ...spread(threshold.filter(Number.isFinite)), unfoldable: Array.from(unfoldable) }
}

async function rowNorms(matrix: Matrix, scale: Float64Array | null, math: RowMath): Promise<Float64Array> {
  return (await squaredRowNorms(matrix, math)).map((square, i) => Math.sqrt(square) * Math.abs(scale?.[i] ?? 1))
}

function spread(values: Float64Array): Spread {
  const [min, median, max] = quantiles(values.slice().sort(), [0, 0.5, 1])
  return { min, median, max }
}
