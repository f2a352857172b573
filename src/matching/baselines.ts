import type { Neighbours } from '../backend/backend.js'
import type { Rows, Weights } from '../sae/rows.js'
import { transpose } from '../tensor/matrix.js'
import { randomMatching } from './random-matching.js'
import {
  blockIndex,
  featureOfRow,
  type MeanScores,
  meanScores,
  type Pairs,
  rowOfFeature,
  type Scoring,
} from './score.js'
import { mean } from './statistics.js'

/** Scores of other ways to pair the same features (docs/method.md#baselines). */
export interface Baselines {
  /** Feature i with feature i; square matches only. */
  readonly identity?: MeanScores
  /** Uniform one-to-one matchings, the mean over the seeds. */
  readonly random: MeanScores
  /** The expectation of `random`, in closed form. */
  readonly randomExpected: MeanScores
  /** Every feature of A with its nearest of B, many-to-one. Needs the sweep of `verify: 'full'`, as what follows. */
  readonly nearest?: MeanScores
  /** Every feature of B with its nearest of A, many-to-one. */
  readonly nearestBToA?: MeanScores
  /** Pairs that are each other's nearest. */
  readonly mutual?: MeanScores
  /** Share of the n features of A whose nearest of B has them as its nearest (docs/method.md#baselines); what was left out of the match has no nearest. */
  readonly mutualShare?: number
}

/**
 * Scores the baselines that need no second assignment.
 *
 * @param a rows of A that took part in the match; `neighbours` are theirs
 * @param b rows of B
 * @param square whether both SAEs have the same number of features
 */
export async function scoreBaselines(
  scoring: Scoring,
  {
    a,
    b,
    neighbours,
    square,
    seeds,
  }: {
    readonly a: Rows
    readonly b: Rows
    readonly neighbours: Neighbours | null
    readonly square: boolean
    readonly seeds: readonly number[]
  },
): Promise<Baselines> {
  const pairs = (rowToColumn: Int32Array) => featurePairs(rowToColumn, a, b)
  const mutual = neighbours && mutualNearest(neighbours)
  const lists = {
    ...(square && { identity: pairs(sameFeature(a, b)) }),
    ...(neighbours && { nearest: pairs(neighbours.nearestColumn), nearestBToA: nearestPairsOfB(neighbours, a, b) }),
    ...(mutual && { mutual: pairs(mutual) }),
  }
  const random = seeds.map((seed) => pairs(randomMatching(a.count, b.count, seed)))
  const scores = await meanScores(scoring, [...random, ...Object.values(lists)])
  const named = Object.keys(lists).map((name, place) => [name, scores[seeds.length + place]])
  return {
    ...(Object.fromEntries(named) as Record<keyof typeof lists, MeanScores>),
    random: meanOfMeans(scores.slice(0, seeds.length)),
    randomExpected: await expectedRandom(scoring),
    ...(mutual && { mutualShare: mutual.filter((j) => j >= 0).length / a.blocks[0].matrix.rows }),
  }
}

/** Every feature of B with its nearest of A. */
function nearestPairsOfB({ nearestRow }: Neighbours, a: Rows, b: Rows): Pairs {
  const backwards = featurePairs(nearestRow, b, a)
  return { a: backwards.b, b: backwards.a }
}

/** The nearest column of each row whose nearest row it is, -1 for the others. */
export function mutualNearest({ nearestColumn, nearestRow }: Neighbours): Int32Array {
  return nearestColumn.map((j, i) => (j >= 0 && nearestRow[j] === i ? j : -1))
}

/** The pairs of features that a matching of rows makes; rows without partner are left out. */
export function featurePairs(rowToColumn: Int32Array, a: Rows, b: Rows): Pairs {
  const rows = Int32Array.from(rowToColumn.keys()).filter((i) => rowToColumn[i] >= 0)
  const [aFeature, bFeature] = [featureOfRow(a), featureOfRow(b)]
  return { a: rows.map(aFeature), b: rows.map((i) => bFeature(rowToColumn[i])) }
}

/** Pairs the rows that stand for the same feature number. */
function sameFeature(a: Rows, b: Rows): Int32Array {
  const feature = featureOfRow(a)
  const row = rowOfFeature(b)
  return Int32Array.from({ length: a.count }, (_, i) => row(feature(i)))
}

/**
 * `E |x_i - y_j|^2 = mean |x|^2 + mean |y|^2 - 2 <mean x, mean y>`, block by block, for a uniform pair: what every pair
 * of a uniform one-to-one matching is (docs/method.md#baselines).
 */
async function expectedRandom({ backend, a, b, aNorms, bNorms, weights, signal }: Scoring): Promise<MeanScores> {
  const meanRow = async (rows: Rows, block: number): Promise<Float64Array> => {
    signal?.throwIfAborted()
    const { matrix, scale } = rows.blocks[block]
    const feature = featureOfRow(rows)
    const shares = new Float64Array(matrix.rows)
    for (let row = 0; row < rows.count; row++) shares[feature(row)] = (scale?.[feature(row)] ?? 1) / rows.count
    return backend.rowDots(transpose(matrix), shares)
  }
  const expected = async (name: keyof Weights) => {
    const block = blockIndex(a, name)
    const [aMean, bMean] = [await meanRow(a, block), await meanRow(b, block)]
    const product = aMean.reduce((sum, x, k) => sum + x * bMean[k], 0)
    return meanOfBlock(aNorms, a, block) + meanOfBlock(bNorms, b, block) - 2 * product
  }
  const [decoder, encoder, bias] = [await expected('decoder'), await expected('encoder'), await expected('bias')]
  return {
    total: weights.decoder * decoder + weights.encoder * encoder + weights.bias * bias,
    decoder: decoder / a.blocks[blockIndex(a, 'decoder')].matrix.columns,
    encoder: encoder / a.blocks[blockIndex(a, 'encoder')].matrix.columns,
    bias,
  }
}

function meanOfBlock(squares: Float64Array, { count, blocks }: Rows, block: number): number {
  return mean(Float64Array.from({ length: count }, (_, row) => squares[row * blocks.length + block]))
}

function meanOfMeans(scores: readonly MeanScores[]): MeanScores {
  const over = (part: keyof MeanScores) => mean(scores.map((score) => score[part]))
  return { total: over('total'), decoder: over('decoder'), encoder: over('encoder'), bias: over('bias') }
}
