import { randomPermutationFrom, seededRandom } from '../matching/random-matching.js'
import type { Family } from './family.js'
import { normalNumbers } from './normal-numbers.js'

/**
 * Folded SAE features with a known partner for a share of them: unit decoders times a log-normal threshold, encoders
 * near their decoder over the threshold, as real ones are; partners are noisy copies, orphans are drawn anew.
 *
 * @param orphans the share of features without a counterpart
 */
export function planted(orphans: number): Family {
  return {
    description: `planted SAE-like features, ${orphans * 100} % without a counterpart`,
    dtype: 'f32',
    make: (n, seed, dimension) => {
      const random = seededRandom(seed)
      const normal = normalNumbers(random)
      const width = 2 * dimension + 1
      const [a, b] = [new Float32Array(n * width), new Float32Array(n * width)]
      const order = randomPermutationFrom(random, n)
      const partnered = Math.round(n * (1 - orphans))
      for (let i = 0; i < n; i++) {
        const direction = unitVector(dimension, normal)
        const threshold = logNormal(normal)
        writeFeature(a, i * width, direction, threshold, normal)
        // Numbers are drawn in the order they stand here: another order would be another problem.
        const [other, otherThreshold] =
          i < partnered
            ? [turned(direction, 0.3 + 0.6 * random(), normal), threshold * (0.9 + 0.2 * random())]
            : [unitVector(dimension, normal), logNormal(normal)]
        writeFeature(b, order[i] * width, other, otherThreshold, normal)
      }
      const blocks = [
        { name: 'decoder', columns: dimension },
        { name: 'encoder', columns: dimension },
        { name: 'bias', columns: 1 },
      ]
      return { kind: 'features', width, blocks, rows: n, columns: n, a, b }
    },
  }
}

/** A threshold. */
function logNormal(normal: () => number): number {
  return Math.exp(1.5 + 0.4 * normal())
}

/** Writes `[threshold * direction, direction / threshold (and some noise), bias / threshold]`. */
function writeFeature(
  rows: Float32Array,
  start: number,
  direction: Float64Array,
  threshold: number,
  normal: () => number,
): void {
  const d = direction.length
  const noise = 0.5 / Math.sqrt(d)
  for (let k = 0; k < d; k++) {
    rows[start + k] = threshold * direction[k]
    rows[start + d + k] = (direction[k] + noise * normal()) / threshold
  }
  rows[start + 2 * d] = (-1 + 0.3 * normal()) / threshold
}

/** A unit vector at the given cosine to another. */
function turned(direction: Float64Array, cosine: number, normal: () => number): Float64Array {
  const other = unitVector(direction.length, normal)
  const overlap = other.reduce((sum, x, k) => sum + x * direction[k], 0)
  const rest = other.map((x, k) => x - overlap * direction[k])
  const length = Math.sqrt(rest.reduce((sum, x) => sum + x * x, 0))
  return direction.map((x, k) => cosine * x + (Math.sqrt(1 - cosine * cosine) * rest[k]) / length)
}

function unitVector(dimension: number, normal: () => number): Float64Array {
  const vector = Float64Array.from({ length: dimension }, normal)
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
  return vector.map((x) => x / length)
}
