import { randomPermutation } from '../../src/matching/random-matching.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

/** An SAE and a copy of it in another order, in another gauge, with some noise. */
export interface PlantedPair {
  readonly a: Sae
  readonly b: Sae
  /** [n] where feature i of A went in B. */
  readonly aToB: Int32Array
  /** [n] what the encoder of a feature of A was multiplied with, and its decoder divided by. */
  readonly gauge: Float64Array
}

/** Features with thresholds of a real SAE's spread, and where they went. */
export function plantedPair(seed: number, n: number, d: number, noise: number): PlantedPair {
  const random = mulberry32(seed)
  const a = syntheticSae(random, n, d)
  const aToB = randomPermutation(n, seed + 1)
  const gauge = Float64Array.from({ length: n }, () => 0.2 + 5 * random())
  const noisy = () => 1 + noise * normals(random, 1)[0]
  const [encoder, decoder] = [new Float64Array(n * d), new Float64Array(n * d)]
  const [encoderBias, threshold] = [new Float64Array(n), new Float64Array(n)]
  for (let i = 0; i < n; i++) {
    const j = aToB[i]
    encoder.set(
      readRow(a.encoder, i).map((x) => x * gauge[i] * noisy()),
      j * d,
    )
    decoder.set(
      readRow(a.decoder, i).map((x) => (x / gauge[i]) * noisy()),
      j * d,
    )
    encoderBias[j] = a.encoderBias[i] * gauge[i]
    threshold[j] = a.threshold![i] * gauge[i]
  }
  const b: Sae = {
    ...a,
    encoder: rowMajor(encoder, 'f64', n, d),
    decoder: rowMajor(decoder, 'f64', n, d),
    encoderBias,
    threshold,
    source: { ...a.source, path: 'permuted' },
  }
  return { a, b, aToB, gauge }
}

/** An SAE with the features of another, in the order of `features`. */
export function pickFeatures(sae: Sae, features: readonly number[]): Sae {
  const d = sae.encoder.columns
  const rows = (matrix: Sae['encoder']) =>
    rowMajor(Float64Array.from(features.flatMap((i) => [...readRow(matrix, i)])), 'f64', features.length, d)
  const numbers = (values: Float64Array) => Float64Array.from(features, (i) => values[i])
  return {
    ...sae,
    encoder: rows(sae.encoder),
    decoder: rows(sae.decoder),
    encoderBias: numbers(sae.encoderBias),
    threshold: sae.threshold && numbers(sae.threshold),
  }
}

/** The folded feature row [decoder, encoder, bias], computed by hand. */
export function foldedRow(sae: Sae, i: number): { decoder: Float64Array; encoder: Float64Array; bias: number } {
  const theta = sae.threshold![i]
  return {
    decoder: readRow(sae.decoder, i).map((x) => x * theta),
    encoder: readRow(sae.encoder, i).map((x) => x / theta),
    bias: sae.encoderBias[i] / theta,
  }
}

/** `|x - y|^2` */
export function squaredDistance(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, k) => sum + (value - y[k]) ** 2, 0)
}
