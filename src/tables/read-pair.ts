import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import type { Container } from '../formats/container.js'
import { readExplanations } from '../labels/explanations.js'
import { neuronpediaSource } from '../labels/neuronpedia.js'
import type { InputRecord } from '../output/pair-files.js'
import { readArray, readBothDirections, withPairArrays } from '../runs/pair-arrays.js'
import type { RunPair } from '../runs/read-run.js'
import type { FeatureNames, PairArrays } from './match-table.js'

const floats = [
  'cost',
  'cost_decoder',
  'cost_encoder',
  'cost_bias',
  'cosine_decoder',
  'cosine_encoder',
  'margin',
] as const

/**
 * The arrays of a pair of a run directory, checked.
 * @throws as `withPairArrays`
 */
export function readPairArrays(pair: RunPair, signal?: AbortSignal): Promise<PairArrays> {
  const read = async (npz: Container) => {
    const { aToB } = await readBothDirections(npz, pair)
    const ofA = async (name: (typeof floats)[number]) =>
      [name, await readArray(npz, name, pair.a.features, Float32Array)] as const
    return {
      a_to_b: aToB,
      rank_ab: await readArray(npz, 'rank_ab', pair.a.features, Int32Array),
      rank_ba: await readArray(npz, 'rank_ba', pair.b.features, Int32Array),
      ...Object.fromEntries(await Promise.all(floats.map(ofA))),
    } as unknown as PairArrays
  }
  return withPairArrays(pair, read, signal)
}

/** An SAE of a run, by what the run calls it. */
export type NamedSae = Pick<InputRecord, 'name' | 'hub' | 'path' | 'layer' | 'features'>

/**
 * What is known of the features of an SAE of a run: its source on Neuronpedia, and descriptions where a folder of labels has
 * them: as `NAME.jsonl`, `NAME.jsonl.gz` or the folder `NAME` for the SAE of that name in the run, or as in the exports of
 * Neuronpedia, `model/layer-set/explanations`.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND` without the folder, and what `readExplanations` throws
 */
export async function readFeatureNames(
  sae: NamedSae,
  folder: string | null,
  signal?: AbortSignal,
): Promise<FeatureNames> {
  const source = neuronpediaSource(sae)
  if (folder === null) return { source, labels: null }
  if (!existsSync(folder)) throw new SaeMatchError('FILE_NOT_FOUND', `Cannot find the folder of labels ${folder}`)
  const exports = source === null ? [] : [join(folder, source, 'explanations'), join(folder, source)]
  const own = [`${sae.name}.jsonl`, `${sae.name}.jsonl.gz`, sae.name].map((name) => join(folder, name))
  const found = [...own, ...exports].find((path) => existsSync(path))
  if (found === undefined) return { source, labels: null }
  const { byFeature } = await readExplanations(found, { expected: source, features: sae.features, signal })
  return { source, labels: byFeature }
}
