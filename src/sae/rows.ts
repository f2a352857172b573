import { SaeMatchError, wrongType, wrongValue } from '../errors.js'
import { type Matrix, rowMajor } from '../tensor/matrix.js'
import type { RowMath } from '../tensor/row-math.js'
import { sharedFloat64 } from '../tensor/tensor.js'
import { foldingFactors, requireThreshold } from './fold.js'
import { squaredRowNorms } from './row-norms.js'
import { featureCount, type Sae } from './sae.js'

/** A part of every feature row: `scale[i] * matrix[i, k]`, the product rounded once to f64. */
export interface RowBlock {
  readonly name: 'decoder' | 'encoder' | 'bias' | 'features'
  readonly matrix: Matrix
  /** [matrix.rows], the square root of the block's weight included; null for 1. */
  readonly scale: Float64Array | null
}

/**
 * What is compared: rows of blocks side by side, over stored tensors. A view, never a copy of an SAE.
 * Row r consists of row `index[r]` of every block (row r where `index` is null).
 */
export interface Rows {
  readonly blocks: readonly RowBlock[]
  /** Number of rows. */
  readonly count: number
  /** K: the widths of all blocks together. */
  readonly width: number
  /** Which rows of the blocks these are, ascending; null for all. */
  readonly index: Int32Array | null
}

/** How much each term of the cost counts; 0 drops the term and its block. */
export interface Weights {
  readonly decoder: number
  readonly encoder: number
  readonly bias: number
}

/** The usual weights. See docs/method.md#feature-rows-and-costs. */
export const weightPresets = {
  all: { decoder: 1, encoder: 1, bias: 1 },
  decoder: { decoder: 1, encoder: 0, bias: 0 },
  encoder: { decoder: 0, encoder: 1, bias: 0 },
  'decoder+encoder': { decoder: 1, encoder: 1, bias: 0 },
} as const satisfies Record<string, Weights>

/**
 * What makes features comparable. With factor s_i, rows are `[s_i dec_i, enc_i / s_i, b_i / s_i]` where s_i is
 * - `fold`: the threshold, so that every feature fires at 1;
 * - `none`: 1 / |dec_i|. Without unit decoders the comparison would depend on an arbitrary gauge;
 * - `stat`: a positive number of the caller for every feature, e.g. its mean or maximal activation.
 *
 * `unit` normalises dec_i and enc_i each for itself and divides b_i by |enc_i|.
 * Zero rows stay zero. See docs/method.md#folding.
 */
export type Scale = 'fold' | 'unit' | 'none' | { readonly stat: Float32Array | Float64Array }

/** What feature rows hold. */
export interface RowOptions {
  /** What makes features comparable. Default `fold`. */
  readonly scale?: Scale
  /** How much each term of the cost counts. Default `weightPresets.all`. */
  readonly weights?: Weights
  /** Features that `fold` or `stat` cannot scale are left out, or get the median factor of their SAE. Default `exclude`. */
  readonly unfoldable?: 'exclude' | 'median'
  /** [n] 1 for a feature that is left out, e.g. because it never fires (`deadFeatures`). Default: none is. */
  readonly dead?: Uint8Array | null
}

/** The feature rows of an SAE, and what to know about them. */
export interface SaeRows extends Rows {
  readonly scale: 'fold' | 'unit' | 'none' | 'stat'
  /** Features whose threshold or statistic cannot be a factor (see `foldingFactors`), ascending. */
  readonly unfoldable: Int32Array
  /** Features that the caller left out, ascending. */
  readonly dead: Int32Array
  /** Features whose decoder row is zero, ascending: they take part. */
  readonly zeroRows: Int32Array
}

/**
 * The rows by which features are compared: squared distances of two of them are
 * `w_dec |dec_i - dec_j|^2 + w_enc |enc_i - enc_j|^2 + w_bias (b_i - b_j)^2` of the scaled weights.
 * @throws `INVALID_ARGUMENT`; `THRESHOLD_MISSING` for `fold` of an SAE without thresholds, or without a foldable one
 */
export async function featureRows(sae: Sae, options: RowOptions, math: RowMath): Promise<SaeRows> {
  const { scale = 'fold', weights = weightPresets.all, unfoldable: treatment = 'exclude', dead = null } = options
  checkWeights(weights)
  if (treatment !== 'exclude' && treatment !== 'median')
    throw wrongValue('unfoldable', "'exclude' or 'median'", treatment)

  const n = featureCount(sae)
  if (dead !== null) requireMask(dead, n)
  const decoderNorms = await squaredRowNorms(sae.decoder, math)
  const scaling = await scalingOf(sae, scale, treatment, decoderNorms, math)
  const stored: Record<keyof Weights, { matrix: Matrix; scale: Float64Array | null }> = {
    decoder: { matrix: sae.decoder, scale: sae.decoderScale },
    encoder: { matrix: sae.encoder, scale: sae.encoderScale },
    bias: { matrix: rowMajor(sae.encoderBias, 'f64', n, 1), scale: null },
  }
  const blocks = blockNames
    .filter((name) => weights[name] > 0)
    .map((name): RowBlock => {
      const root = Math.sqrt(weights[name])
      const rowScale = sharedFloat64(n)
      for (let i = 0; i < n; i++) rowScale[i] = root * scaling[name](stored[name].scale?.[i] ?? 1, i)
      return { name, matrix: stored[name].matrix, scale: rowScale }
    })

  const unscaled = treatment === 'exclude' ? scaling.unfoldable : new Int32Array()
  const deadOnes = indicesWhere(n, (i) => dead?.[i] === 1)
  const index = without(n, [...unscaled, ...deadOnes])
  if (index?.length === 0) throw wrongValue('dead', 'a feature that is not left out', `all ${n} left out`)
  return {
    blocks,
    count: index?.length ?? n,
    width: blocks.reduce((width, { matrix }) => width + matrix.columns, 0),
    index,
    scale: typeof scale === 'string' ? scale : 'stat',
    unfoldable: scaling.unfoldable,
    dead: deadOnes,
    zeroRows: indicesWhere(n, (i) => decoderNorms[i] === 0 || sae.decoderScale?.[i] === 0),
  }
}

const blockNames = ['decoder', 'encoder', 'bias'] as const

/** What becomes of the stored scale of row i in each block. */
interface Scaling {
  readonly decoder: (stored: number, i: number) => number
  readonly encoder: (stored: number, i: number) => number
  readonly bias: (stored: number, i: number) => number
  readonly unfoldable: Int32Array
}

async function scalingOf(
  sae: Sae,
  scale: Scale,
  treatment: 'exclude' | 'median',
  decoderNorms: Float64Array,
  math: RowMath,
): Promise<Scaling> {
  if (scale === 'unit' || scale === 'none') {
    const decoderNorm = effectiveNorms(decoderNorms, sae.decoderScale)
    const decoder = (stored: number, i: number) => stored / decoderNorm[i]
    const unfoldable = new Int32Array()
    if (scale === 'none') {
      const inverse = (stored: number, i: number) => stored * decoderNorm[i]
      return { decoder, encoder: inverse, bias: inverse, unfoldable }
    }
    const encoderNorm = effectiveNorms(await squaredRowNorms(sae.encoder, math), sae.encoderScale)
    const encoder = (stored: number, i: number) => stored / encoderNorm[i]
    return { decoder, encoder, bias: encoder, unfoldable }
  }
  const { factor, unfoldable, median } =
    scale === 'fold'
      ? foldingFactors(requireThreshold(sae), sae.folded)
      : foldingFactors(requireStatistic(scale, featureCount(sae)))
  if (unfoldable.length === factor.length) {
    const what = scale === 'fold' ? 'threshold' : 'statistic'
    throw new SaeMatchError('THRESHOLD_MISSING', `${sae.source.path}: expected a positive finite ${what}, found none`)
  }
  if (treatment === 'median') for (const i of unfoldable) factor[i] = median
  const inverse = (stored: number, i: number) => stored / factor[i]
  return { decoder: (stored, i) => stored * factor[i], encoder: inverse, bias: inverse, unfoldable }
}

/** The norms of rows with their scales; 1 for zero rows, which stay zero whatever divides them. */
function effectiveNorms(squared: Float64Array, scale: Float64Array | null): Float64Array {
  return squared.map((norm, i) => Math.sqrt(norm) * Math.abs(scale?.[i] ?? 1) || 1)
}

/** @throws `INVALID_ARGUMENT` for a statistic that is no array, of another length, negative or not finite. */
function requireStatistic(scale: Exclude<Scale, string>, n: number): Float32Array | Float64Array {
  const stat: unknown = scale?.stat
  if (!(stat instanceof Float32Array || stat instanceof Float64Array)) {
    throw wrongType('scale', "'fold', 'unit', 'none' or { stat: Float32Array | Float64Array }", scale)
  }
  if (stat.length !== n) throw wrongValue('scale.stat', `${n} numbers, one for each feature`, stat)
  const wrong = stat.findIndex((value) => !(value >= 0 && Number.isFinite(value)))
  if (wrong >= 0) throw wrongValue(`scale.stat[${wrong}]`, 'a number >= 0', stat[wrong])
  return stat
}

/** @throws `INVALID_ARGUMENT` for what is no mask of n features. */
function requireMask(dead: unknown, n: number): void {
  if (!(dead instanceof Uint8Array)) throw wrongType('dead', 'a Uint8Array', dead)
  if (dead.length !== n) throw wrongValue('dead', `${n} numbers, one for each feature`, dead)
  const wrong = dead.findIndex((value) => value > 1)
  if (wrong >= 0) throw wrongValue(`dead[${wrong}]`, '0 or 1', dead[wrong])
}

function checkWeights(weights: Weights): void {
  for (const name of blockNames) {
    const weight: unknown = weights[name]
    if (typeof weight !== 'number') throw wrongType(`weights.${name}`, 'a number', weight)
    if (!(weight >= 0 && Number.isFinite(weight))) throw wrongValue(`weights.${name}`, 'a finite number >= 0', weight)
  }
  if (weights.decoder + weights.encoder + weights.bias === 0)
    throw wrongValue('weights', 'a weight above 0', 'only zeros')
}

/** 0 .. n - 1 without `excluded`; null where nothing is excluded. */
function without(n: number, excluded: readonly number[]): Int32Array | null {
  if (excluded.length === 0) return null
  const out = new Set(excluded)
  return indicesWhere(n, (i) => !out.has(i))
}

function indicesWhere(n: number, condition: (i: number) => boolean): Int32Array {
  const indices: number[] = []
  for (let i = 0; i < n; i++) if (condition(i)) indices.push(i)
  return Int32Array.from(indices)
}
