import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'

/** Numbers of a normal distribution, from numbers in [0, 1). */
export function normals(random: () => number, length: number): Float64Array {
  return Float64Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
}

/** A canonical JumpReLU SAE of random f64 weights, thresholds between 1 and 3, with any field replaced. */
export function syntheticSae(random: () => number, n: number, d: number, replaced: Partial<Sae> = {}): Sae {
  return {
    encoder: rowMajor(normals(random, n * d), 'f64', n, d),
    encoderScale: null,
    decoder: rowMajor(normals(random, n * d), 'f64', n, d),
    decoderScale: null,
    encoderBias: normals(random, n),
    threshold: Float64Array.from({ length: n }, () => 1 + 2 * random()),
    decoderBias: normals(random, d),
    activation: { kind: 'jumprelu' },
    inputNorm: 'none',
    architecture: 'jumprelu',
    hook: 'blocks.1.hook_resid_post',
    layer: 1,
    site: 'residual',
    model: 'model',
    source: { family: 'synthetic', path: 'synthetic', files: [] },
    warnings: [],
    ...replaced,
  }
}
