import type { Backend } from '../backend/backend.js'
import { type BackendRequest, getBackend } from '../backend/select.js'
import { SaeMatchError, wrongType, wrongValue } from '../errors.js'
import { squaredRowNorms } from '../sae/row-norms.js'
import type { Rows } from '../sae/rows.js'
import { featureCount, requireSae, type Sae } from '../sae/sae.js'
import { contiguousRows } from '../tensor/contiguous.js'
import type { Matrix } from '../tensor/matrix.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import { sharedFloat64 } from '../tensor/tensor.js'
import { rejectUnknownOptions } from '../validate.js'
import { normaliseTokens, type TokenStatistics } from './token-norm.js'

/** Which features of an SAE are active on which token, and how strongly. */
export interface FeatureActivations extends SparseMatrix {
  /** [entries] f_i > 0; the features of a token ascend. */
  readonly data: Float64Array
  readonly indptr: Float64Array
}

/** What an encoder makes of a batch. */
export interface Encoded {
  /** [tokens, n] */
  readonly activations: FeatureActivations
  /** What normalising the same tokens took away; null for an SAE that does not normalise. */
  readonly statistics: TokenStatistics | null
}

/** Encodes batch after batch with one SAE. */
export interface Encoder {
  /**
   * @param x [tokens, d], finite where it is asked for
   * @param tokens which of them, ascending; null for all
   */
  encode(x: Matrix, tokens: Int32Array | null, signal?: AbortSignal): Promise<Encoded>
}

/** Options of {@link encode}. */
export interface EncodeOptions {
  /** Every backend gives the same bits. Default `auto`. */
  readonly backend?: BackendRequest | undefined
  readonly signal?: AbortSignal | undefined
}

/** Bytes that the products of a batch may take when {@link encode} cuts its input. */
const productBytes = 2 ** 26

/**
 * The activations of an SAE's features (docs/method.md#activations-of-features): `z = enc x + b`, and f = z where
 * `z > max(threshold, 0)` (strictly; ReLU where there is no threshold, the k largest of TopK), 0 elsewhere. A folded
 * SAE gives the same features, each divided by its threshold.
 *
 * @param sae n features of width d
 * @param x [tokens, d] finite
 * @returns [tokens, n] with an entry for every active feature, the features of a token ascending
 * @throws TypeError, RangeError `INVALID_ARGUMENT`; SaeMatchError `UNKNOWN_OPTION`, a backend's reason; the reason of
 *   `signal`
 */
export async function encode(sae: Sae, x: Matrix, options: EncodeOptions = {}): Promise<FeatureActivations> {
  requireSae('sae', sae)
  rejectUnknownOptions(options, ['backend', 'signal'])
  if (!ArrayBuffer.isView(x?.data)) throw wrongType('x', 'a matrix [tokens, d] as rowMajor gives it', x)
  if (x.columns !== sae.encoder.columns) throw wrongValue('x', `${sae.encoder.columns} columns`, x.columns)
  const encoder = await createEncoder(sae, await getBackend(options.backend))
  const parts: FeatureActivations[] = []
  const rows = tokensAtOnce(featureCount(sae))
  for (let from = 0; from < x.rows; from += rows) {
    const part = { ...x, rows: Math.min(rows, x.rows - from), offset: x.offset + from * x.rowStride }
    parts.push((await encoder.encode(part, null, options.signal)).activations)
  }
  return concatenate(parts, featureCount(sae))
}

/** How many tokens an SAE of n features should encode at once. */
export function tokensAtOnce(n: number): number {
  return Math.max(16, Math.min(1024, Math.floor(productBytes / Float32Array.BYTES_PER_ELEMENT / Math.max(1, n))))
}

/**
 * Prepares an SAE for encoding. The heavy product, tokens by features, is the backend's matrix of squared distances of
 * directions in f32: with |x| = |y| = 1 it is `2 - 2 <x, y>`, so it bounds every pre-activation within a known error.
 * Only what may be active by that bound is computed, from the exact distance in f64. So the result has the same bits on
 * every backend and in batches of every size, and a threshold is compared with a pre-activation in f64.
 */
export async function createEncoder(sae: Sae, backend: Backend): Promise<Encoder> {
  if (typeof sae.decoderOnly === 'string') {
    throw new SaeMatchError('NOT_COMPARABLE', `${sae.source.path} cannot encode: ${sae.decoderOnly}`)
  }
  const n = featureCount(sae)
  const stored = contiguousRows(sae.encoder)
  const norms = (await squaredRowNorms(sae.encoder, backend)).map(Math.sqrt)
  // the row scales are left out of directions, so that folding changes none of their bits
  const features = directions(
    stored,
    norms.map((norm, i) => ((sae.encoderScale?.[i] ?? 1) < 0 ? -norm : norm)),
    null,
  )
  const lengths = norms.map((norm, i) => norm * Math.abs(sae.encoderScale?.[i] ?? 1))
  const ones = await backend.squaredBlockNorms(features)
  const limits = Float64Array.from({ length: n }, (_, i) => Math.max(sae.threshold?.[i] ?? 0, 0))
  const select = selectionOf(sae, limits, lengths)

  return {
    async encode(stored, tokens, signal) {
      const { x, statistics } = normaliseTokens(stored, sae.inputNorm)
      const allSizes = (await backend.squaredRowNorms(x)).map(Math.sqrt)
      const directed = directions(x, allSizes, tokens)
      const sizes = tokens === null ? allSizes : Float64Array.from(tokens, (t) => allSizes[t])
      signal?.throwIfAborted()
      const distances = await backend.costMatrix(directed, features, { signal })
      const candidates = select.candidates(distances, sizes, cosineError(x.columns))
      const exact = await backend.pairCosts(directed, features, candidates.token, candidates.feature, { signal })
      const own = await backend.squaredBlockNorms(directed, { signal })
      const preActivations = exact.map((distance, p) => {
        const [t, i] = [candidates.token[p], candidates.feature[p]]
        return ((own[t] + ones[i] - distance) / 2) * (sizes[t] * lengths[i]) + sae.encoderBias[i]
      })
      return {
        activations: gather(candidates, preActivations, select.keep, directed.count, n),
        statistics: statistics && pick(statistics, tokens),
      }
    },
  }
}

/** Rows divided by their norms (which may bear a sign); rows of norm 0 stay zero. */
function directions(matrix: Matrix, norms: Float64Array, index: Int32Array | null): Rows {
  const scale = sharedFloat64(norms.length)
  for (let i = 0; i < scale.length; i++) scale[i] = norms[i] === 0 ? 1 : 1 / norms[i]
  const count = index?.length ?? matrix.rows
  return { blocks: [{ name: 'features', matrix, scale }], count, width: matrix.columns, index }
}

/**
 * How far half a stored squared distance of two directions may be from the exact one
 * (docs/method.md#errors-of-f32-products), twice over.
 */
function cosineError(width: number): number {
  return 2 * (384 + Math.ceil(width / 384) + 4) * 2 ** -24
}

/** Pairs of a token and a feature, by token, then by feature. */
interface Candidates {
  readonly token: Int32Array
  readonly feature: Int32Array
}

/** An activation function in two steps: what may be active, from rough numbers, and what is, from exact ones. */
interface Select {
  /**
   * @param distances [tokens, n] squared distances of directions, f32
   * @param sizes [tokens] |x|
   * @param error of a cosine
   */
  candidates(distances: Float32Array, sizes: Float64Array, error: number): Candidates
  /** Whether candidates `from` to `to`, those of one token, are active. */
  keep(preActivations: Float64Array, features: Int32Array, from: number, to: number): (p: number) => boolean
}

function selectionOf({ activation, encoderBias }: Sae, limits: Float64Array, lengths: Float64Array): Select {
  switch (activation.kind) {
    case 'topk':
      return selectLargest(1, activation.k, lengths, encoderBias)
    case 'groupmax':
      return selectLargest(activation.k, 1, lengths, encoderBias)
    default:
      return selectAbove(limits, lengths, encoderBias)
  }
}

/** JumpReLU and ReLU: `z > limit`. */
function selectAbove(limits: Float64Array, lengths: Float64Array, biases: Float64Array): Select {
  const n = limits.length
  // z > limit  <=>  cosine > reach / |x|; a feature without an encoder fires always or never
  const reach = limits.map((limit, i) => {
    const lacking = limit - biases[i]
    if (lengths[i] > 0) return lacking / lengths[i]
    return lacking < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  })
  return {
    candidates(distances, sizes, error) {
      const token: number[] = []
      const feature: number[] = []
      const widest = 2 * (1 + error)
      for (let t = 0; t < sizes.length; t++) {
        const factor = 2 / sizes[t]
        for (let i = 0, at = t * n; i < n; i++, at++) {
          if (distances[at] < widest - factor * reach[i]) {
            token.push(t)
            feature.push(i)
          }
        }
      }
      return { token: Int32Array.from(token), feature: Int32Array.from(feature) }
    },
    keep: (preActivations, features) => (p) => preActivations[p] > limits[features[p]],
  }
}

/**
 * The k largest of each of `groups` runs of features, as far as they are positive; ties go to the lower index. TopK is
 * one group, GroupMax the largest of each.
 */
function selectLargest(groups: number, k: number, lengths: Float64Array, biases: Float64Array): Select {
  const n = lengths.length
  const size = n / groups
  return {
    candidates(distances, sizes, error) {
      const token: number[] = []
      const feature: number[] = []
      const lower = new Float64Array(n)
      const upper = new Float64Array(n)
      for (let t = 0; t < sizes.length; t++) {
        for (let i = 0; i < n; i++) {
          const length = sizes[t] * lengths[i]
          const middle = (lengths[i] === 0 ? 0 : 1 - distances[t * n + i] / 2) * length + biases[i]
          // also half a unit in the last place of what is added here
          const slack = error * (length + Math.abs(biases[i]))
          lower[i] = middle - slack
          upper[i] = middle + slack
        }
        for (let start = 0; start < n; start += size) {
          const least = k >= size ? 0 : Math.max(0, lower.slice(start, start + size).sort()[size - k])
          for (let i = start; i < start + size; i++) {
            if (upper[i] > 0 && upper[i] >= least) {
              token.push(t)
              feature.push(i)
            }
          }
        }
      }
      return { token: Int32Array.from(token), feature: Int32Array.from(feature) }
    },
    keep(preActivations, features, from, to) {
      const order = Array.from({ length: to - from }, (_, p) => from + p)
      order.sort((p, q) => preActivations[q] - preActivations[p] || p - q)
      const taken = new Uint32Array(groups)
      const kept = new Set(order.filter((p) => taken[Math.floor(features[p] / size)]++ < k))
      return (p) => kept.has(p) && preActivations[p] > 0
    },
  }
}

/** The candidates that are active, as a sparse matrix. */
function gather(
  { token, feature }: Candidates,
  preActivations: Float64Array,
  keep: Select['keep'],
  tokens: number,
  n: number,
): FeatureActivations {
  const indptr = new Float64Array(tokens + 1)
  const kept: number[] = []
  for (let t = 0, from = 0; t < tokens; t++) {
    let to = from
    while (to < token.length && token[to] === t) to++
    const active = keep(preActivations, feature, from, to)
    for (let p = from; p < to; p++) if (active(p)) kept.push(p)
    indptr[t + 1] = kept.length
    from = to
  }
  return {
    indptr,
    indices: Int32Array.from(kept, (p) => feature[p]),
    data: Float64Array.from(kept, (p) => preActivations[p]),
    rows: tokens,
    columns: n,
  }
}

function pick({ mean, deviation }: TokenStatistics, tokens: Int32Array | null): TokenStatistics {
  if (tokens === null) return { mean, deviation }
  const of = (values: Float64Array) => Float64Array.from(tokens, (t) => values[t])
  return { mean: of(mean), deviation: of(deviation) }
}

function concatenate(parts: readonly FeatureActivations[], columns: number): FeatureActivations {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const entries = parts.reduce((sum, part) => sum + part.indices.length, 0)
  const [indptr, indices, data] = [new Float64Array(rows + 1), new Int32Array(entries), new Float64Array(entries)]
  let [row, entry] = [0, 0]
  for (const part of parts) {
    for (let t = 0; t < part.rows; t++) indptr[row + t + 1] = entry + part.indptr[t + 1]
    indices.set(part.indices, entry)
    data.set(part.data, entry)
    row += part.rows
    entry += part.indices.length
  }
  return { indptr, indices, data, rows, columns }
}
