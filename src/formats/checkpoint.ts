import type { Matrix } from '../tensor/matrix.js'
import type { SourceFile } from './file.js'

/** Where in the model an SAE reads and writes; only SAEs of comparable sites can be matched. */
export type Site =
  | 'residual'
  | 'mlp-out'
  | 'attention-out'
  | 'hook-z'
  | 'embedding'
  | 'transcoder'
  | 'crosscoder'
  | 'unknown'

/** Where an SAE came from. */
export interface SaeSource {
  /** The checkpoint family that read it, e.g. `gemma-scope` or `sae-lens`. */
  readonly family: string
  /** What the caller named: a file or a folder. */
  readonly path: string
  /** Every file that was read. */
  readonly files: readonly SourceFile[]
}

/** Per-token normalisation of the input that cannot be absorbed into weights. */
export type InputNorm = 'none' | 'layer-norm' | 'constant-norm'

/** A tensor and where it was read, for messages. */
export interface StoredMatrix {
  readonly file: string
  readonly name: string
  readonly matrix: Matrix
}

/** A small tensor, widened, and where it was read. */
export interface StoredVector {
  readonly file: string
  readonly name: string
  readonly values: Float64Array
}

/** How the original code turns a pre-activation into an activation, with the tensors that takes, each [n]. */
export type CheckpointActivation =
  | { readonly kind: 'relu'; readonly bias: StoredVector }
  /** `byDecoderNorm`: it is z |dec_i| that is compared with the threshold; z itself is decoded. */
  | {
      readonly kind: 'jumprelu'
      readonly bias: StoredVector
      readonly threshold: StoredVector
      readonly byDecoderNorm: boolean
    }
  /** `byDecoderNorm`: the k largest z |dec_i| are kept, and divided by |dec_i| again before decoding. */
  | { readonly kind: 'topk'; readonly bias: StoredVector; readonly k: number; readonly byDecoderNorm: boolean }
  /** Of each of k runs of n / k features, the largest is kept. */
  | { readonly kind: 'groupmax'; readonly bias: StoredVector; readonly k: number }
  /** The gate opens where `enc x + gateBias > 0`; the magnitude is `relu(e^logMagnitude enc x + magnitudeBias)`. */
  | {
      readonly kind: 'gated'
      readonly gateBias: StoredVector
      readonly magnitudeBias: StoredVector
      readonly logMagnitude: StoredVector
    }

/** What a checkpoint says about itself before any tensor is read. */
export interface CheckpointHeader {
  readonly family: string
  /** What the caller named: a file or a folder. */
  readonly path: string
  /** Every file that reading it reads. */
  readonly files: readonly string[]
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  /** Where its decoder writes, where that is not the site. */
  readonly outputSite?: Site | undefined
  readonly model: string | null
  /** n */
  readonly features: number
  /** d, the width of the activations it reads. */
  readonly dimension: number
  /** The width of those it writes, where that is another. */
  readonly outputDimension?: number | undefined
}

/**
 * A checkpoint as stored: what its family found, nothing computed yet except the orientation, which is a view.
 * With s = `inputScale`, t = `outputScale` and c = `featureScale`, its forward pass is
 *
 *     z = encoder (s x - decoderBias if subtracted) + bias      f = activation(z)      x^ = (decoderBias + (c f) decoder) / t
 */
export interface Checkpoint {
  readonly source: SaeSource
  /** The name the checkpoint gives its architecture. */
  readonly architecture: string
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  /** Where its decoder writes, where that is not the site. */
  readonly outputSite?: Site | undefined
  readonly model: string | null
  /** Mean number of active features per token, where the checkpoint states it. */
  readonly averageL0: number | null
  /** [n, d] */
  readonly encoder: StoredMatrix
  /** [n, width of the output]: that is d, but for transcoders. */
  readonly decoder: StoredMatrix
  /** [width of the output] */
  readonly decoderBias: StoredVector
  readonly activation: CheckpointActivation
  /** [n], or null for 1. */
  readonly featureScale: StoredVector | null
  readonly subtractsDecoderBias: boolean
  readonly inputScale: number
  readonly outputScale: number
  readonly inputNorm: InputNorm
  /** Why its encoder and biases say nothing by themselves, so that only decoders can be compared; null where they do. */
  readonly decoderOnly: string | null
  /** Whether the original adds a linear map of its input to the output, which the canonical form does without. */
  readonly skipConnection: boolean
  /** What a user should know, one sentence each; whoever shows them says which checkpoint they are about. */
  readonly warnings: readonly string[]
}

/** What holds for a checkpoint where its family says nothing else. */
export const ordinary = {
  averageL0: null,
  featureScale: null,
  subtractsDecoderBias: false,
  inputScale: 1,
  outputScale: 1,
  inputNorm: 'none',
  decoderOnly: null,
  skipConnection: false,
  warnings: [],
} as const satisfies Partial<Checkpoint>
