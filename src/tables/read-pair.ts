import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import type { StoredMatch } from '../evaluation/read-run.js'
import { openNpz } from '../formats/npz.js'
import { readExplanations } from '../labels/explanations.js'
import { neuronpediaSource } from '../labels/neuronpedia.js'
import { sha256 } from '../output/file-hash.js'
import type { InputRecord } from '../output/pair-files.js'
import type { FeatureNames, PairArrays } from './match-table.js'

const integers = ['a_to_b', 'rank_ab', 'rank_ba'] as const
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
 * The arrays of a pair of a run directory.
 * @throws SaeMatchError `RUN_INVALID` where its `.npz` is not the one that was written; the reason of `signal`
 */
export async function readPairArrays({ record, file }: StoredMatch, signal?: AbortSignal): Promise<PairArrays> {
  const contents = await readFile(file).catch((cause) => {
    throw new SaeMatchError('RUN_INVALID', `${file}: ${cause.message}`, { cause })
  })
  if (sha256(contents) !== record.npz.sha256) {
    throw new SaeMatchError('RUN_INVALID', `${file}: its contents are not those that the .json recorded`)
  }
  const npz = await openNpz(file, signal)
  try {
    const read = async (name: string) => [name, (await npz.read(name)).data] as const
    return Object.fromEntries(await Promise.all([...integers, ...floats].map(read))) as unknown as PairArrays
  } finally {
    await npz.close()
  }
}

/**
 * What is known of the features of an SAE of a run: its source on Neuronpedia, and descriptions where a folder of labels has
 * them: as `NAME.jsonl`, `NAME.jsonl.gz` or the folder `NAME` for the SAE of that name in the run, or as in the exports of
 * Neuronpedia, `model/layer-set/explanations`.
 *
 * @throws what `readExplanations` throws
 */
export async function readFeatureNames(
  input: InputRecord,
  folder: string | null,
  signal?: AbortSignal,
): Promise<FeatureNames> {
  const source = neuronpediaSource(input)
  if (folder === null) return { source, labels: null }
  const exports = source === null ? [] : [join(folder, source, 'explanations'), join(folder, source)]
  const own = [`${input.name}.jsonl`, `${input.name}.jsonl.gz`, input.name].map((name) => join(folder, name))
  const found = [...own, ...exports].find((path) => existsSync(path))
  if (found === undefined) return { source, labels: null }
  const { byFeature } = await readExplanations(found, { expected: source, signal })
  return { source, labels: byFeature }
}
