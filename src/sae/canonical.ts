import { SaeMatchError } from '../errors.js'
import type { Checkpoint, CheckpointActivation, StoredMatrix, StoredVector } from '../formats/checkpoint.js'
import type { RowMath } from '../tensor/row-math.js'
import { sharedFloat64 } from '../tensor/tensor.js'
import { squaredRowNorms } from './row-norms.js'
import type { Activation, Sae } from './sae.js'

/**
 * Brings a checkpoint into canonical form: the subtraction of the decoder bias, gates, and scales of activations and
 * features go into biases and row scales; the big tensors stay as they are. See docs/method.md#canonical-form.
 * @throws `TENSOR_NOT_FINITE` naming file, tensor and position; `FORMAT_INVALID` for a scale that no number divides by
 */
export async function canonicalSae(checkpoint: Checkpoint, math: RowMath): Promise<Sae> {
  const { encoder, decoder, decoderBias, activation, featureScale, inputScale, outputScale } = checkpoint
  for (const vector of [decoderBias, ...vectorsOf(activation), ...(featureScale ? [featureScale] : [])]) {
    requireFinite(vector)
  }
  requireScales(checkpoint)
  await finiteRowNorms(encoder, math)
  const decoderNorms = await finiteRowNorms(decoder, math)
  const shift = checkpoint.subtractsDecoderBias ? await math.rowDots(encoder.matrix, decoderBias.values) : null

  const n = encoder.matrix.rows
  const absorbed = absorb(activation, shift, decoderNorms)
  for (const vector of absorbed.computed) requireFinite(vector)
  return {
    encoder: encoder.matrix,
    encoderScale: scaled(absorbed.encoderScale, inputScale, n),
    decoder: decoder.matrix,
    decoderScale: product(scaled(absorbed.decoderScale, 1 / outputScale, n), featureScale?.values ?? null),
    encoderBias: absorbed.bias,
    threshold: absorbed.threshold,
    decoderBias: shared(decoderBias.values, (value) => value / outputScale),
    activation: absorbed.activation,
    inputNorm: checkpoint.inputNorm,
    decoderOnly: checkpoint.decoderOnly,
    skipConnection: checkpoint.skipConnection,
    architecture: checkpoint.architecture,
    hook: checkpoint.hook,
    layer: checkpoint.layer,
    site: checkpoint.site,
    outputSite: checkpoint.outputSite,
    model: checkpoint.model,
    averageL0: checkpoint.averageL0,
    source: checkpoint.source,
    warnings: checkpoint.warnings,
  }
}

interface Absorbed {
  readonly activation: Activation
  readonly bias: Float64Array
  readonly threshold: Float64Array | null
  readonly encoderScale: Float64Array | null
  readonly decoderScale: Float64Array | null
  /** What was computed and has to be finite, under the names of the tensors it came from. */
  readonly computed: readonly StoredVector[]
}

/** Puts the original activation, its gate and the `shift` = encoder decoderBias into biases, threshold and row scales. */
function absorb(activation: CheckpointActivation, shift: Float64Array | null, decoderNorms: Float64Array): Absorbed {
  const shiftAt = (i: number) => shift?.[i] ?? 0
  if (activation.kind === 'gated') {
    const { gateBias, magnitudeBias, logMagnitude } = activation
    const gain = shared(logMagnitude.values, Math.exp)
    const bias = shared(magnitudeBias.values, (value, i) => value - gain[i] * shiftAt(i))
    // The gate opens at enc x > -gateBias. The shift is the same on both sides of z > threshold.
    const threshold = shared(magnitudeBias.values, (value, i) => Math.max(0, value - gain[i] * gateBias.values[i]))
    const computed = [
      { ...logMagnitude, name: `exp(${logMagnitude.name})`, values: gain },
      { ...magnitudeBias, values: bias },
      { ...gateBias, values: threshold },
    ]
    return { activation: { kind: 'gated' }, bias, threshold, encoderScale: gain, decoderScale: null, computed }
  }

  const unscaled = shared(activation.bias.values, (value, i) => value - shiftAt(i))
  const plain = { bias: unscaled, encoderScale: null, decoderScale: null }
  const computed = [{ ...activation.bias, values: unscaled }]
  switch (activation.kind) {
    case 'relu':
      return { ...plain, activation: { kind: 'relu' }, threshold: null, computed }
    case 'jumprelu': {
      const { threshold, byDecoderNorm } = activation
      // A feature without a decoder never passes a positive threshold on z |dec_i|: infinity says so.
      const own = (value: number, i: number) => (value > 0 ? value / Math.sqrt(decoderNorms[i]) : value)
      const values = shared(threshold.values, byDecoderNorm ? own : undefined)
      return { ...plain, activation: { kind: 'jumprelu' }, threshold: values, computed }
    }
    case 'groupmax':
      return { ...plain, activation: { kind: 'groupmax', k: activation.k }, threshold: null, computed }
    case 'topk': {
      const { k } = activation
      if (!activation.byDecoderNorm) return { ...plain, activation: { kind: 'topk', k }, threshold: null, computed }
      const norms = shared(decoderNorms, Math.sqrt)
      const bias = shared(unscaled, (value, i) => value * norms[i])
      // A zero row stays zero, whatever its scale.
      const decoderScale = shared(norms, (norm) => (norm === 0 ? 1 : 1 / norm))
      return { activation: { kind: 'topk', k }, bias, threshold: null, encoderScale: norms, decoderScale, computed }
    }
  }
}

function vectorsOf(activation: CheckpointActivation): StoredVector[] {
  if (activation.kind === 'gated') return [activation.gateBias, activation.magnitudeBias, activation.logMagnitude]
  return activation.kind === 'jumprelu' ? [activation.bias, activation.threshold] : [activation.bias]
}

function requireFinite({ file, name, values }: StoredVector): void {
  const index = values.findIndex((value) => !Number.isFinite(value))
  if (index < 0) return
  const message = `${file}: tensor ${name}: expected finite numbers, found ${values[index]} at ${index}`
  throw new SaeMatchError('TENSOR_NOT_FINITE', message)
}

/** A scale so small or large that its inverse is infinite or zero would make weights of it that mean nothing. */
function requireScales({ source, inputScale, outputScale }: Checkpoint): void {
  for (const scale of [inputScale, outputScale]) {
    if (scale > 0 && Number.isFinite(scale) && Number.isFinite(1 / scale)) continue
    const message = `${source.path}: expected a factor on activations that is neither 0 nor infinite, found ${scale}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
}

/** The squared norms of a tensor's rows; a row with a NaN or an infinity shows in its norm. */
async function finiteRowNorms({ file, name, matrix }: StoredMatrix, math: RowMath): Promise<Float64Array> {
  const norms = await squaredRowNorms(matrix, math)
  const row = norms.findIndex((norm) => !Number.isFinite(norm))
  if (row < 0) return norms
  const message = `${file}: tensor ${name}: expected finite numbers, found a row of norm ${Math.sqrt(norms[row])} for feature ${row}`
  throw new SaeMatchError('TENSOR_NOT_FINITE', message)
}

function shared(values: Float64Array, map: (value: number, i: number) => number = (value) => value): Float64Array {
  const result = sharedFloat64(values.length)
  for (let i = 0; i < values.length; i++) result[i] = map(values[i], i)
  return result
}

/** `scale * factor` for every row, where a null scale means 1. */
function scaled(scale: Float64Array | null, factor: number, n: number): Float64Array | null {
  if (factor === 1) return scale
  return scale === null ? sharedFloat64(n).fill(factor) : shared(scale, (value) => value * factor)
}

/** The products of two row scales, where null means 1. */
function product(a: Float64Array | null, b: Float64Array | null): Float64Array | null {
  if (a === null || b === null) return a ?? b
  return shared(a, (value, i) => value * b[i])
}
