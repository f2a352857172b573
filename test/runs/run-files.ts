import { backendInfo } from '../../src/backend/info.js'
import { invert } from '../../src/matching/compose.js'
import { match } from '../../src/matching/match.js'
import type { MatchOptions } from '../../src/matching/options.js'
import { randomPermutation } from '../../src/matching/random-matching.js'
import { sha256 } from '../../src/output/file-hash.js'
import { inputRecord } from '../../src/output/pair-files.js'
import { finishRunDirectory, openRunDirectory, writePair } from '../../src/output/run-directory.js'
import { pairsSettings, recordedOptions } from '../../src/pairs/options.js'
import type { Sae } from '../../src/sae/sae.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { pickFeatures } from '../matching/planted-pair.js'

/** An SAE and what it is called in a run directory. */
export interface NamedSae {
  readonly name: string
  readonly sae: Sae
  /** Stands for the contents of its files (default: the name). */
  readonly contents?: string
}

const milliseconds = { load: 1, fold: 2, cost: 3, solve: 4, verify: 5, write: 6, total: 21 }

/** Matches pairs and writes them to a run directory, as `sae-match match` does. */
export async function writeRun(
  path: string,
  pairs: readonly (readonly [NamedSae, NamedSae])[],
  options: MatchOptions = {},
): Promise<void> {
  const recorded = recordedOptions(pairsSettings(options), backendInfo('typescript'))
  const run = openRunDirectory(path, recorded, '1.2.3')
  for (const [a, b] of pairs) {
    const made = await match(a.sae, b.sae, { ...options, backend: 'typescript' })
    await writePair(run, made, { a: record(a), b: record(b) }, () => milliseconds)
  }
  await finishRunDirectory(run, { tried: [], failed: [] })
}

function record({ name, sae, contents = name }: NamedSae) {
  const file = { path: `/saes/${name}/weights`, bytes: 1, sha256: sha256(contents) }
  return inputRecord(name, { ...sae, source: { ...sae.source, path: `/saes/${name}` } }, [file])
}

/** Layers that are one SAE in different orders: layer k holds its features in the order of `orders[k]`. */
export function permutedLayers(seed: number, n: number, numbers: readonly number[]) {
  const base = syntheticSae(mulberry32(seed), n, 8)
  const orders = numbers.map((_, k) => randomPermutation(n, seed + k))
  const layers = numbers.map(
    (layer, k): NamedSae => ({ name: `layer_${layer}`, sae: { ...pickFeatures(base, [...orders[k]]), layer } }),
  )
  /** Where the features of one layer are in another. */
  const planted = (from: number, to: number) => orders[from].map((feature) => invert(orders[to], n)[feature])
  return { layers, planted }
}

/** Layers that have nothing to do with each other. */
export function unrelatedLayers(
  seed: number,
  sizes: readonly number[],
  numbers: readonly (number | null)[],
): NamedSae[] {
  const random = mulberry32(seed)
  return numbers.map((layer, k) => ({ name: `layer_${layer}`, sae: syntheticSae(random, sizes[k], 6, { layer }) }))
}

/** Every pair of neighbours in a list. */
export function neighbours<T>(list: readonly T[]): [T, T][] {
  return list.slice(1).map((item, k) => [list[k], item])
}

/** Every pair (i, j) with i before j. */
export function allPairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((item, k) => list.slice(k + 1).map((later): [T, T] => [item, later]))
}
