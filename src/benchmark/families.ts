import { seededRandom } from '../matching/random-matching.js'
import type { Family } from './family.js'
import { normalNumbers } from './normal-numbers.js'
import { planted } from './planted.js'

/** To be raised whenever a family makes other numbers than before, or says more of them: problems that older generators made are not used. */
export const generatorVersion = 3

/** Problems that need no data: features like those of SAEs, and cost matrices that are easy or hard in known ways. */
export const families: Readonly<Record<string, Family>> = {
  'planted-0': planted(0),
  'planted-40': planted(0.4),
  'planted-70': planted(0.7),
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

/** @param entries from random numbers and the size, a function that gives the cost of row i and column j, row by row */
function matrixFamily(
  description: string,
  entries: (random: () => number, size: number) => (i: number, j: number) => number,
  dtype: Family['dtype'] = 'f32',
): Family {
  return {
    description,
    dtype,
    make: (n, seed) => {
      const entry = entries(seededRandom(seed), n)
      const data = new (dtype === 'f64' ? Float64Array : Float32Array)(n * n)
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[i * n + j] = entry(i, j)
      return { kind: 'matrix', rows: n, columns: n, data }
    },
  }
}
