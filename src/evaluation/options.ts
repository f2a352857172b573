import type { RowSign, RunControl } from '../backend/backend.js'
import type { BackendRequest } from '../backend/environment.js'
import { SaeMatchError, wrongType, wrongValue } from '../errors.js'
import type { Weights } from '../sae/rows.js'
import { featureCount, requireSae, type Sae } from '../sae/sae.js'
import { integer, oneOf } from '../validate.js'
import { tokensAtOnce } from './encode.js'
import { type DecodingScale, requireMatching, type UnmatchedFeatures } from './routes.js'
import type { TokenMask } from './token-mask.js'

/** What is evaluated: a `Match`, or the partners alone, also composed ones. */
export interface EvaluatedMatch {
  /** [n] feature of B for each feature of A, -1 where there is none. */
  readonly aToB: Int32Array
  /** [n] nearest feature of B; without it the baseline `nearest` finds it. -1 everywhere counts as not known. */
  readonly nearestAToB?: Int32Array | undefined
  /** How the match was made. Without it: in folded weights where both SAEs have thresholds. */
  readonly provenance?:
    | {
        readonly scale: 'fold' | 'unit' | 'none' | 'stat'
        /** Default `same`. */
        readonly sign?: RowSign | undefined
        readonly aligned?: boolean | undefined
        readonly weights: Weights
        readonly unfoldable: 'exclude' | 'median'
      }
    | undefined
}

/** How a hidden state is approximated. */
export interface ApproximationOptions {
  /**
   * Whether an activation of A goes to B's decoder as it is or times `threshold_B / threshold_A`. Default: `folded` for
   * a match in folded weights, otherwise `raw`.
   */
  readonly scale?: DecodingScale | undefined
  /** Features of A without a partner contribute nothing, or what A's own decoder makes of them. Default `drop`. */
  readonly unmatched?: UnmatchedFeatures | undefined
  /** Tokens to leave out, such as the first of a text and padding. Default: none. */
  readonly mask?: TokenMask | undefined
  /** Tokens read at once; changes no number. Default: what the products of 64 MiB allow. */
  readonly batchTokens?: number | undefined
  /** Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendRequest | undefined
  readonly signal?: RunControl['signal']
}

/** {@link ApproximationOptions} with every default in its place. */
export interface ApproximationSettings {
  readonly scale: DecodingScale
  readonly unmatched: UnmatchedFeatures
  readonly batchTokens: number
}

/** Names of {@link ApproximationOptions}. */
export const approximationOptionNames = [
  'scale',
  'unmatched',
  'mask',
  'batchTokens',
  'backend',
  'signal',
] as const satisfies readonly (keyof ApproximationOptions)[]

/**
 * Checks two SAEs and a match of them, and puts defaults in place.
 * @throws `INVALID_ARGUMENT`; `NOT_COMPARABLE` for hidden states of different widths or normalisations
 */
export function approximationSettings(
  a: Sae,
  b: Sae,
  match: EvaluatedMatch,
  options: ApproximationOptions,
): ApproximationSettings {
  requireSae('a', a)
  requireSae('b', b)
  if (match === null || typeof match !== 'object') throw wrongType('match', 'a match', match)
  requireMatching('match.aToB', match.aToB, a, b)
  requireSameSpace(a, b)
  const batchTokens = options.batchTokens ?? tokensAtOnce(Math.max(featureCount(a), featureCount(b)))
  if (integer('batchTokens', batchTokens) === 0) throw wrongValue('batchTokens', 'at least 1', batchTokens)
  return {
    scale: oneOf('scale', options.scale ?? defaultScale(a, b, match), ['raw', 'folded']),
    unmatched: oneOf('unmatched', options.unmatched ?? 'drop', ['drop', 'source']),
    batchTokens,
  }
}

function defaultScale(a: Sae, b: Sae, { provenance }: EvaluatedMatch): DecodingScale {
  const foldable = a.threshold !== null && b.threshold !== null
  return (provenance === undefined ? foldable : provenance.scale === 'fold') ? 'folded' : 'raw'
}

function requireSameSpace(a: Sae, b: Sae): void {
  const refuse = (what: string, ofA: string | number, ofB: string | number) =>
    new SaeMatchError(
      'NOT_COMPARABLE',
      `${b.source.path}: expected ${what} ${ofA} as in ${a.source.path}, found ${ofB}`,
    )
  if (a.encoder.columns !== b.encoder.columns)
    throw refuse('activations of width', a.encoder.columns, b.encoder.columns)
  for (const { encoder, decoder, decoderOnly, skipConnection, source } of [a, b]) {
    const reason =
      decoderOnly ??
      (skipConnection === true ? 'its skip connection is not part of the SAE' : null) ??
      (encoder.columns === decoder.columns ? null : 'it writes to another space than it reads')
    if (reason !== null) throw new SaeMatchError('NOT_COMPARABLE', `${source.path} cannot be evaluated: ${reason}`)
  }
  if (a.inputNorm !== b.inputNorm) throw refuse('the normalisation of inputs', a.inputNorm, b.inputNorm)
}
