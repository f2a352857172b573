import { getBackend } from '../backend/select.js'
import { SaeMatchError, wrongValue } from '../errors.js'
import type { Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'
import { type ActivationSource, type Activations, openActivations, tokenBatches } from './activations.js'
import { createDecoder, decodeToken } from './decoding.js'
import { createEncoder } from './encode.js'
import {
  type ApproximationOptions,
  approximationOptionNames,
  approximationSettings,
  type EvaluatedMatch,
} from './options.js'
import { byDecoderDistance, matchedRoute, quantileRoute } from './routes.js'
import { openMask } from './token-mask.js'

/** Approximated hidden states of some tokens. */
export interface ApproximatedStates {
  /** [count] numbers of the tokens in the file of activations, ascending. */
  readonly tokens: Int32Array
  /** [count, d] row-major. */
  readonly values: Float32Array
}

/** Options of {@link approximate}. */
export interface ApproximateOptions extends ApproximationOptions {
  /** Share of the pairs that goes through B's decoder, the closest ones; the others keep A's. Default: no mixture. */
  readonly quantile?: number | undefined
}

/**
 * Approximates the hidden states at SAE B from those at SAE A, skipping what the model does in between: encode with A,
 * move every activation to its partner, decode with B (docs/method.md#encode-permute-decode). For a model host that
 * measures what the approximation does to the loss. Chains of matches: compose them first.
 *
 * @param a n features of width d
 * @param b m features of the same width
 * @param match of the two, or `{ aToB }` alone
 * @param activations hidden states [tokens, d] at A: a file, a folder of `layer_{L}` files, or a matrix
 * @returns batches of the tokens that count, in their order
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `UNKNOWN_OPTION`, `NOT_COMPARABLE`,
 *   `THRESHOLD_MISSING` for the scale `folded` without thresholds, `FILE_NOT_FOUND`, `FORMAT_UNKNOWN`,
 *   `FORMAT_INVALID`, `FILE_TRUNCATED`, `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`, `TENSOR_NOT_FINITE`; the
 *   reason of `signal`
 */
export async function* approximate(
  a: Sae,
  b: Sae,
  match: EvaluatedMatch,
  activations: ActivationSource,
  options: ApproximateOptions = {},
): AsyncGenerator<ApproximatedStates> {
  rejectUnknownOptions(options, [...approximationOptionNames, 'quantile'])
  const { signal, quantile } = options
  const { scale, unmatched, batchTokens } = approximationSettings(a, b, match, options)
  if (quantile !== undefined) requireQuantile('quantile', quantile)
  const backend = await getBackend(options.backend)
  const matched = matchedRoute(a, b, match.aToB, scale, unmatched)
  const route =
    quantile === undefined
      ? matched
      : quantileRoute(matched, await byDecoderDistance(a, b, match.aToB, backend), quantile)
  const mask = await openMask(options.mask, signal)
  const source = await openActivations(activations, a.layer, signal)
  try {
    requireWidth(source, a)
    const encoder = await createEncoder(a, backend)
    const [own, target] = [createDecoder(a), createDecoder(b)]
    const state = new Float64Array(source.dimension)
    for await (const { tokens, rows, x } of tokenBatches([source], mask, batchTokens, backend, signal)) {
      if (tokens.length === 0) continue
      const { activations: f, statistics } = await encoder.encode(x[0], rows, signal)
      const values = new Float32Array(tokens.length * state.length)
      for (let t = 0; t < tokens.length; t++) {
        decodeToken(f, t, route, own, target, statistics, state)
        values.set(state, t * state.length)
      }
      yield { tokens, values }
    }
  } finally {
    await source.close()
  }
}

/** @throws `TENSOR_SHAPE` for hidden states of another width than the SAE's. */
export function requireWidth({ name, dimension, tokens }: Activations, { encoder, source }: Sae): void {
  if (dimension === encoder.columns) return
  const expected = `[tokens, ${encoder.columns}] for ${source.path}`
  throw new SaeMatchError('TENSOR_SHAPE', `${name}: expected ${expected}, found [${tokens}, ${dimension}]`)
}

/** @throws RangeError `INVALID_ARGUMENT` */
export function requireQuantile(name: string, quantile: unknown): void {
  if (typeof quantile === 'number' && quantile >= 0 && quantile <= 1) return
  throw wrongValue(name, 'a number from 0 to 1', quantile)
}
