import type { Backend } from '../backend/backend.js'
import type { Rows, Weights } from '../sae/rows.js'
import { mean } from './statistics.js'

/** How pairs are scored: always over all three terms, whatever the match itself looked at. */
export interface Scoring {
  readonly backend: Backend
  /** Blocks decoder, encoder and bias of A with weight 1. */
  readonly a: Rows
  /** The same of B. */
  readonly b: Rows
  /** Squared norms of the blocks of A's rows, [rows, blocks] row-major. */
  readonly aNorms: Float64Array
  /** The same of B's rows. */
  readonly bNorms: Float64Array
  readonly weights: Weights
  /** Stops between one scoring and the next, with its reason. */
  readonly signal: AbortSignal | undefined
}

/** Features of A and of B, pair by pair. */
export interface Pairs {
  readonly a: Int32Array
  readonly b: Int32Array
}

/** Scores of pairs, [pairs] each (docs/method.md#scores-of-pairs); NaN where one of the two features cannot be scored. */
export interface PairScores {
  /** `w_dec |dec_i - dec_j|^2 + w_enc |enc_i - enc_j|^2 + w_bias (b_i - b_j)^2` */
  readonly total: Float64Array
  /** m_dec: `|dec_i - dec_j|^2 / d` */
  readonly decoder: Float64Array
  /** m_enc: `|enc_i - enc_j|^2 / d` */
  readonly encoder: Float64Array
  /** m_bias: `(b_i - b_j)^2` */
  readonly bias: Float64Array
}

/** Means of {@link PairScores}: the objective per feature and the three parameter MSEs. NaN without pairs. */
export interface MeanScores {
  readonly total: number
  readonly decoder: number
  readonly encoder: number
  readonly bias: number
}

/** Scores of pairs of features. */
export async function scorePairs(scoring: Scoring, pairs: Pairs): Promise<PairScores> {
  const { a, weights } = scoring
  const squares = await squaredDistances(scoring, pairs)
  const { decoder, encoder, bias } = squares
  const over = (squared: Float64Array, width: number) => squared.map((square) => square / width)
  return {
    total: decoder.map((_, p) => weights.decoder * decoder[p] + weights.encoder * encoder[p] + weights.bias * bias[p]),
    decoder: over(decoder, a.blocks[blockIndex(a, 'decoder')].matrix.columns),
    encoder: over(encoder, a.blocks[blockIndex(a, 'encoder')].matrix.columns),
    bias,
  }
}

/** The means of the scores of several lists of pairs; all are scored at once, since making rows ready is most of the work. */
export async function meanScores(scoring: Scoring, lists: readonly Pairs[]): Promise<MeanScores[]> {
  const joined = (side: keyof Pairs) => Int32Array.from(lists.flatMap((pairs) => [...pairs[side]]))
  const { total, decoder, encoder, bias } = await scorePairs(scoring, { a: joined('a'), b: joined('b') })
  let end = 0
  return lists.map(({ a }) => {
    const own = (scores: Float64Array) => scores.subarray(end - a.length, end)
    end += a.length
    return meansOf({ total: own(total), decoder: own(decoder), encoder: own(encoder), bias: own(bias) })
  })
}

/** Means over the pairs that have scores. */
export function meansOf({ total, decoder, encoder, bias }: PairScores): MeanScores {
  const over = (scores: Float64Array) => mean(scores.filter((score) => !Number.isNaN(score)))
  return { total: over(total), decoder: over(decoder), encoder: over(encoder), bias: over(bias) }
}

/** Cosines of the decoder and of the encoder of scored pairs; 0 where a row is zero: what is not there resembles nothing. */
export function pairCosines(
  { a, b, aNorms, bNorms }: Scoring,
  pairs: Pairs,
  scores: PairScores,
): { decoder: Float64Array; encoder: Float64Array } {
  const [aRow, bRow] = [rowOfFeature(a), rowOfFeature(b)]
  const cosines = (name: 'decoder' | 'encoder') => {
    const [aBlock, bBlock] = [blockIndex(a, name), blockIndex(b, name)]
    const width = a.blocks[aBlock].matrix.columns
    return scores[name].map((score, p) => {
      if (Number.isNaN(score)) return Number.NaN
      const x = aNorms[aRow(pairs.a[p]) * a.blocks.length + aBlock]
      const y = bNorms[bRow(pairs.b[p]) * b.blocks.length + bBlock]
      return x === 0 || y === 0 ? 0 : cosine(score * width, x, y)
    })
  }
  return { decoder: cosines('decoder'), encoder: cosines('encoder') }
}

/** `<x, y> / (|x| |y|)` from `|x - y|^2`, `|x|^2` and `|y|^2`, none of them 0. */
function cosine(square: number, x: number, y: number): number {
  return Math.min(1, Math.max(-1, (x + y - square) / 2 / (Math.sqrt(x) * Math.sqrt(y))))
}

/**
 * Squared distances of rows by block, [pairs, blocks] row-major.
 * @throws the reason of the signal
 */
export async function blockDistances(
  { backend, signal }: Scoring,
  a: Rows,
  b: Rows,
  aIndex: Int32Array,
  bIndex: Int32Array,
): Promise<Float64Array> {
  signal?.throwIfAborted()
  return backend.pairCosts(a, b, aIndex, bIndex, { signal })
}

/** Squared distances of pairs of features by block, [pairs] each. */
async function squaredDistances(
  scoring: Scoring,
  pairs: Pairs,
): Promise<{ decoder: Float64Array; encoder: Float64Array; bias: Float64Array }> {
  const { a, b } = scoring
  const [aRow, bRow] = [rowOfFeature(a), rowOfFeature(b)]
  const rows = { a: pairs.a.map(aRow), b: pairs.b.map(bRow) }
  const scored = Int32Array.from(rows.a, (_, p) => p).filter((p) => rows.a[p] >= 0 && rows.b[p] >= 0)
  const squares = await blockDistances(
    scoring,
    a,
    b,
    scored.map((p) => rows.a[p]),
    scored.map((p) => rows.b[p]),
  )
  const part = (name: 'decoder' | 'encoder' | 'bias') => {
    const block = blockIndex(a, name)
    const distances = new Float64Array(pairs.a.length).fill(Number.NaN)
    scored.forEach((p, s) => {
      distances[p] = squares[s * a.blocks.length + block]
    })
    return distances
  }
  return { decoder: part('decoder'), encoder: part('encoder'), bias: part('bias') }
}

/** The row that stands for a feature, -1 for features that were left out. */
export function rowOfFeature(rows: Rows): (feature: number) => number {
  const { index } = rows
  if (index === null) return (feature) => feature
  const rowOf = new Int32Array(rows.blocks[0].matrix.rows).fill(-1)
  index.forEach((feature, row) => {
    rowOf[feature] = row
  })
  return (feature) => rowOf[feature] ?? -1
}

/** The feature that a row stands for; -1 stays -1. */
export function featureOfRow(rows: Rows): (row: number) => number {
  const { index } = rows
  return index === null ? (row) => row : (row) => (row < 0 ? -1 : index[row])
}

/** Where a block stands among the blocks of rows. */
export function blockIndex(rows: Rows, name: string): number {
  return rows.blocks.findIndex((block) => block.name === name)
}
