// Problem families. Each makes the same numbers from the same size and seed on every machine.
// A family gives either a cost matrix or two sets of feature rows whose squared distances are the costs. What type its
// numbers have belongs to the family: a contender that takes only another type is given them in that type.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const realFolder = fileURLToPath(new URL('../../shared/data/smollm2/', import.meta.url))

/**
 * @typedef {{ kind: 'matrix', rows: number, columns: number, data: Float32Array | Float64Array }} MatrixProblem
 * @typedef {{ kind: 'features', width: number, rows: number, columns: number, a: Float32Array, b: Float32Array }} FeatureProblem
 * @typedef {{ description: string, dtype: 'f32' | 'f64', sizes: number[] | null,
 *   make(n: number, seed: number, dimension: number): Promise<MatrixProblem | FeatureProblem>,
 *   unavailable?(): string | null }} Family
 */

/** To be raised whenever a family makes other numbers than before: problems made by older generators are not used. */
export const generatorVersion = 2

/** @type {Record<string, Family>} */
export const families = {
  'planted-0': planted(0),
  'planted-40': planted(0.4),
  'planted-70': planted(0.7),
  real: {
    description: 'SmolLM2 SAEs, one layer against the next, folded',
    dtype: 'f32',
    sizes: [1024, 4096, 8192],
    unavailable: realUnavailable,
    make: async (n) => (await import('./real-saes.mjs')).foldedRows(...realPair(n)),
  },
  stacked: {
    description: 'SmolLM2 layers 10, 12 (and 14) of 4,096 features stacked against 11, 13 (and 15), folded',
    dtype: 'f32',
    sizes: [8192, 12288],
    unavailable: realUnavailable,
    make: async (n) => {
      const { stackedRows } = await import('./real-saes.mjs')
      const layers = Array.from({ length: n / 4096 }, (_, l) => 10 + 2 * l)
      const path = (layer) => join(realFolder, 'jumprelu-4096', `layer_${layer}`)
      return stackedRows(
        layers.map(path),
        layers.map((layer) => path(layer + 1)),
      )
    },
  },
  uniform: matrixFamily('uniform in [0, 1)', (random) => () => random()),
  integers: matrixFamily('integers below 100: nearly everything is tied', (random) => () => Math.floor(random() * 100)),
  geometric: matrixFamily('distances of random points in the unit square', (random, n) => {
    const points = Float64Array.from({ length: 4 * n }, () => random())
    return (i, j) => Math.hypot(points[2 * i] - points[2 * n + 2 * j], points[2 * i + 1] - points[2 * n + 2 * j + 1])
  }),
  'low-rank': matrixFamily('a product of normal factors of rank 4', (random, n) => {
    const normal = normalNumbers(random)
    const left = Float64Array.from({ length: 4 * n }, normal)
    const right = Float64Array.from({ length: 4 * n }, normal)
    return (i, j) => {
      let sum = 0
      for (let k = 0; k < 4; k++) sum += left[4 * i + k] * right[4 * j + k]
      return sum
    }
  }),
  // From n = 4,097 on f32 would round the products.
  'machol-wien': matrixFamily(
    'i * j, the classic worst case of augmenting paths',
    () => (i, j) => (i + 1) * (j + 1),
    'f64',
  ),
  offsets: matrixFamily('row and column offsets that leave few bits to the differences', (random, n) => {
    const rowOffset = Float64Array.from({ length: n }, () => random() * 1e4)
    const columnOffset = Float64Array.from({ length: n }, () => random() * 1e4)
    return (i, j) => rowOffset[i] + columnOffset[j] + random() * 1e-2
  }),
}

/** Mulberry32, kept here and not taken from the library: a change there must not change the problems. */
function seededRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Normal numbers from uniform ones (Box-Muller). */
function normalNumbers(random) {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** @returns {Family} */
function matrixFamily(description, entries, dtype = 'f32') {
  return {
    description,
    dtype,
    sizes: null,
    make: async (n, seed) => {
      const entry = entries(seededRandom(seed), n)
      const data = new (dtype === 'f64' ? Float64Array : Float32Array)(n * n)
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[i * n + j] = entry(i, j)
      return { kind: 'matrix', rows: n, columns: n, data }
    },
  }
}

/**
 * Folded SAE features with a known partner for a share of them: unit decoders times a log-normal threshold, encoders
 * near their decoder over the threshold, as real ones are; partners are noisy copies, orphans are drawn anew.
 * @returns {Family}
 */
function planted(orphans) {
  return {
    description: `planted SAE-like features, ${orphans * 100} % without a counterpart`,
    dtype: 'f32',
    sizes: null,
    make: async (n, seed, dimension) => {
      const random = seededRandom(seed)
      const normal = normalNumbers(random)
      const width = 2 * dimension + 1
      const [a, b] = [new Float32Array(n * width), new Float32Array(n * width)]
      const order = shuffled(n, random)
      const partnered = Math.round(n * (1 - orphans))
      for (let i = 0; i < n; i++) {
        const direction = unitVector(dimension, normal)
        const threshold = Math.exp(1.5 + 0.4 * normal())
        writeFeature(a, i * width, direction, threshold, normal)
        const row = order[i] * width
        if (i >= partnered) writeFeature(b, row, unitVector(dimension, normal), Math.exp(1.5 + 0.4 * normal()), normal)
        else
          writeFeature(
            b,
            row,
            turned(direction, 0.3 + 0.6 * random(), normal),
            threshold * (0.9 + 0.2 * random()),
            normal,
          )
      }
      return { kind: 'features', width, rows: n, columns: n, a, b }
    },
  }
}

/** Writes `[threshold * direction, direction / threshold (and some noise), bias / threshold]`. */
function writeFeature(rows, start, direction, threshold, normal) {
  const d = direction.length
  const noise = 0.5 / Math.sqrt(d)
  for (let k = 0; k < d; k++) {
    rows[start + k] = threshold * direction[k]
    rows[start + d + k] = (direction[k] + noise * normal()) / threshold
  }
  rows[start + 2 * d] = (-1 + 0.3 * normal()) / threshold
}

/** A unit vector at the given cosine to another. */
function turned(direction, cosine, normal) {
  const other = unitVector(direction.length, normal)
  const overlap = other.reduce((sum, x, k) => sum + x * direction[k], 0)
  const rest = other.map((x, k) => x - overlap * direction[k])
  const length = Math.sqrt(rest.reduce((sum, x) => sum + x * x, 0))
  return direction.map((x, k) => cosine * x + (Math.sqrt(1 - cosine * cosine) * rest[k]) / length)
}

function unitVector(d, normal) {
  const vector = Float64Array.from({ length: d }, normal)
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
  return vector.map((x) => x / length)
}

function shuffled(n, random) {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}

function realPair(n) {
  const folder = `jumprelu-${n}`
  return [12, 13].map((layer) => join(realFolder, folder, `layer_${layer}`))
}

function realUnavailable() {
  return existsSync(realFolder) ? null : `no ${realFolder}`
}
