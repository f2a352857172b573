import type { Sae } from '../../src/sae/sae.js'
import type { Matrix } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'

/** What an SAE makes of one input. */
export interface Forward {
  /** [n] */
  readonly preActivations: Float64Array
  /** [n] */
  readonly activations: Float64Array
  /** [d] */
  readonly reconstruction: Float64Array
}

/** The forward pass of the canonical form, word for word as the doc comment of `Sae` has it. */
export function forward(sae: Sae, x: ArrayLike<number>): Forward {
  const n = sae.encoder.rows
  const encoder = scaledRows(sae.encoder, sae.encoderScale)
  const decoder = scaledRows(sae.decoder, sae.decoderScale)
  const preActivations = Float64Array.from({ length: n }, (_, i) => dot(encoder[i], x) + sae.encoderBias[i])
  let activations: Float64Array = preActivations.map((z, i) => (z > Math.max(sae.threshold?.[i] ?? 0, 0) ? z : 0))
  if (sae.activation.kind === 'topk') activations = keepLargest(activations, sae.activation.k)
  if (sae.activation.kind === 'groupmax') {
    const size = n / sae.activation.k
    activations = Float64Array.from(
      Array.from({ length: sae.activation.k }, (_, g) => [
        ...keepLargest(activations.slice(g * size, (g + 1) * size), 1),
      ]).flat(),
    )
  }
  const reconstruction = sae.decoderBias.map(
    (bias, k) =>
      bias +
      dot(
        activations,
        decoder.map((row) => row[k]),
      ),
  )
  return { preActivations, activations, reconstruction }
}

/** All rows of a matrix with its row scales, widened. */
export function scaledRows(matrix: Matrix, scale: Float64Array | null): Float64Array[] {
  return Array.from({ length: matrix.rows }, (_, i) => readRow(matrix, i).map((value) => (scale?.[i] ?? 1) * value))
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, k) => sum + value * b[k], 0)
}

/** The k largest values, the others 0. */
export function keepLargest(values: Float64Array, k: number): Float64Array {
  const kept = new Set([...values.keys()].sort((i, j) => values[j] - values[i]).slice(0, k))
  return values.map((value, i) => (kept.has(i) ? value : 0))
}
