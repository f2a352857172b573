import { SaeMatchError, wrongValue } from '../errors.js'
import { openSafetensors } from '../formats/safetensors.js'
import { featureIndex, readJsonLines } from './json-lines.js'

/** How features of one SAE behave on text; NaN where nothing is known of one. */
export interface FeatureStatistics {
  /** [n] the share of tokens on which a feature is active. */
  readonly firingRate: Float64Array
  /** [n] its largest activation, about. */
  readonly maximum: Float64Array
}

/**
 * Reads statistics of the n features of an SAE: exports of Neuronpedia (`features/batch-*.jsonl.gz`: `frac_nonzero`,
 * `maxActApprox`), or SAELens' `sparsity.safetensors` (log10 of the firing rate).
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID`, `TENSOR_MISSING`, `TENSOR_SHAPE`
 */
export async function readFeatureStatistics(
  path: string,
  n: number,
  signal?: AbortSignal | undefined,
): Promise<FeatureStatistics> {
  const statistics = { firingRate: new Float64Array(n).fill(Number.NaN), maximum: new Float64Array(n).fill(Number.NaN) }
  if (path.endsWith('.safetensors')) {
    statistics.firingRate.set(await readSparsity(path, n, signal))
    return statistics
  }
  for await (const line of readJsonLines(path, signal)) {
    const feature = featureIndex(line)
    if (feature >= n)
      throw new SaeMatchError('FORMAT_INVALID', `${line.where}: expected features below ${n}, found ${feature}`)
    const { frac_nonzero: rate, maxActApprox: maximum } = line.value
    if (typeof rate === 'number') statistics.firingRate[feature] = rate
    if (typeof maximum === 'number') statistics.maximum[feature] = maximum
  }
  return statistics
}

/**
 * Which features are dead, as far as is known: 1 where the firing rate is at most `below`, or the largest activation is 0.
 *
 * @param below default 1e-9: SAELens adds 1e-10 to a rate before it takes the logarithm
 */
export function deadFeatures({ firingRate, maximum }: FeatureStatistics, below = 1e-9): Uint8Array {
  if (!(below >= 0)) throw wrongValue('below', 'a number >= 0', below)
  return Uint8Array.from(firingRate, (rate, feature) => (rate <= below || maximum[feature] === 0 ? 1 : 0))
}

/**
 * The statistic of each feature for `scale: { stat: [...] }` of a match: its largest activation; 0 where it is dead or nothing
 * is known, which leaves it out of the match.
 */
export function maximumScale(statistics: FeatureStatistics): Float32Array {
  const dead = deadFeatures(statistics)
  return Float32Array.from(statistics.maximum, (value, feature) => (value > 0 && dead[feature] === 0 ? value : 0))
}

async function readSparsity(path: string, n: number, signal: AbortSignal | undefined): Promise<Float64Array> {
  const container = await openSafetensors(path, signal)
  try {
    const { data, shape } = await container.read('sparsity')
    if (shape.length !== 1 || shape[0] !== n) {
      throw new SaeMatchError(
        'TENSOR_SHAPE',
        `${path}: expected sparsity of ${n} features, found shape (${shape.join(', ')})`,
      )
    }
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new SaeMatchError('TENSOR_DTYPE', `${path}: expected sparsity as f32 or f64`)
    }
    return Float64Array.from(data, (logarithm) => 10 ** logarithm)
  } finally {
    await container.close()
  }
}
