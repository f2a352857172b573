// Problem families: those of the package, which need no data, and those of the real SAEs that only the repository has.
// Each makes the same numbers from the same size and seed on every machine. What type its numbers have belongs to the
// family: a contender that takes only another type is given them in that type.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { families as generated } from '../dist/benchmark/families.js'

import { variantOf, variants } from './variants.mjs'

export { generatorVersion } from '../dist/benchmark/families.js'

const realFolder = fileURLToPath(new URL('../../shared/data/smollm2/', import.meta.url))

/**
 * @typedef {import('../dist/benchmark/family.js').MatrixProblem | import('../dist/benchmark/family.js').FeatureProblem} Problem
 * @typedef {{ description: string, dtype: 'f32' | 'f64',
 *   make(n: number, seed: number, dimension: number): Problem | Promise<Problem>,
 *   sizes?: number[], unavailable?(): string | null,
 *   unmatchedCost?(pairCosts: Float64Array): number }} Family
 * `sizes`: the only ones there are. `unmatchedCost`: of the shape, from the costs of its pairs without one.
 */

/** @type {Record<string, Family>} */
const wholeFamilies = {
  ...generated,
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
}

/** Those, and shapes of those with feature rows. */
export const families = {
  ...wholeFamilies,
  ...Object.fromEntries(
    ['planted-40', 'real', 'stacked'].flatMap((name) =>
      Object.keys(variants).map((variant) => [`${name}-${variant}`, variantOf(wholeFamilies[name], variant)]),
    ),
  ),
}

function realPair(n) {
  const folder = `jumprelu-${n}`
  return [12, 13].map((layer) => join(realFolder, folder, `layer_${layer}`))
}

function realUnavailable() {
  return existsSync(realFolder) ? null : `no ${realFolder}`
}
