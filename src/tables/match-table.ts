import type { Match } from '../matching/result.js'
import type { NpzEntries } from '../output/npz.js'

/** One number or text for every row. */
export interface TableColumn {
  readonly name: string
  /** Integers without a value are -1, floats NaN, texts null. */
  readonly data: Int32Array | Float32Array | readonly (string | null)[]
}

/** Columns of equal length. */
export type Table = readonly TableColumn[]

/** What is known of the features of one side. */
export interface FeatureNames {
  /** The source of Neuronpedia, for ids. */
  readonly source: string | null
  /** Descriptions by feature, or null where nobody has any. */
  readonly labels: ReadonlyMap<number, string> | null
}

/** The arrays of a pair that a table shows, as in its `.npz`. */
export interface PairArrays {
  readonly a_to_b: Int32Array
  readonly cost: Float32Array
  readonly cost_decoder: Float32Array
  readonly cost_encoder: Float32Array
  readonly cost_bias: Float32Array
  readonly cosine_decoder: Float32Array
  readonly cosine_encoder: Float32Array
  readonly margin: Float32Array
  readonly rank_ab: Int32Array
  readonly rank_ba: Int32Array
}

const nameless: FeatureNames = { source: null, labels: null }

/**
 * A match as a table, one row for each feature of A (docs/outputs.md): the partner, costs, cosines, margin, ranks, whether both
 * are each other's nearest, the ids of both on Neuronpedia and what they mean. The columns are the same for every match.
 */
export function matchTable(
  pair: Match | PairArrays,
  names: { readonly a?: FeatureNames; readonly b?: FeatureNames } = {},
): Table {
  const arrays = 'aToB' in pair ? arraysOf(pair) : pair
  const { a_to_b: partner, rank_ab: rankAB, rank_ba: rankBA, ...numbers } = arrays
  const { a = nameless, b = nameless } = names
  const ofPartner = (values: Int32Array) => partner.map((j) => (j < 0 ? -1 : values[j]))
  const rankOfB = ofPartner(rankBA)
  const texts = ({ labels }: FeatureNames, features: Int32Array) => Array.from(features, (i) => labels?.get(i) ?? null)
  const ids = ({ source }: FeatureNames, features: Int32Array) =>
    Array.from(features, (i) => (source === null || i < 0 ? null : `${source}/${i}`))
  const features = partner.map((_, i) => i)
  return [
    { name: 'feature_a', data: features },
    { name: 'feature_b', data: partner },
    ...(
      ['cost', 'cost_decoder', 'cost_encoder', 'cost_bias', 'cosine_decoder', 'cosine_encoder', 'margin'] as const
    ).map((name) => ({ name, data: numbers[name] })),
    { name: 'rank_ab', data: rankAB },
    { name: 'rank_ba', data: rankOfB },
    { name: 'mutual', data: partner.map((j, i) => mutual(j, rankAB[i], rankOfB[i])) },
    { name: 'neuronpedia_a', data: ids(a, features) },
    { name: 'neuronpedia_b', data: ids(b, partner) },
    { name: 'label_a', data: texts(a, features) },
    { name: 'label_b', data: texts(b, partner) },
  ]
}

/** 1 where no other feature is nearer to either of the two, -1 where there is no pair or nobody looked. */
function mutual(j: number, rankAB: number, rankBA: number): number {
  if (j < 0 || rankAB < 0 || rankBA < 0) return -1
  return rankAB === 0 && rankBA === 0 ? 1 : 0
}

function arraysOf({ aToB, costs, cosines, margin, rankAToB, rankBToA }: Match): PairArrays {
  const single = (values: Float64Array) => Float32Array.from(values)
  return {
    a_to_b: aToB,
    cost: single(costs.total),
    cost_decoder: single(costs.decoder),
    cost_encoder: single(costs.encoder),
    cost_bias: single(costs.bias),
    cosine_decoder: single(cosines.decoder),
    cosine_encoder: single(cosines.encoder),
    margin: single(margin),
    rank_ab: rankAToB,
    rank_ba: rankBToA,
  } satisfies PairArrays & NpzEntries
}
