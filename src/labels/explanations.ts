import { SaeMatchError } from '../errors.js'
import { featureIndex, readJsonLines } from './json-lines.js'

/** What features of one SAE mean, in words. */
export interface Explanations {
  /** `model/layer-set` of Neuronpedia, where the file says it. */
  readonly source: string | null
  /** By feature; several descriptions of one are joined by `; `. */
  readonly byFeature: ReadonlyMap<number, string>
}

/** Options of {@link readExplanations}. */
export interface ExplanationOptions {
  readonly expected?: string | null | undefined
  readonly features?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads descriptions of features: exports of Neuronpedia (`explanations/batch-*.jsonl.gz`), or any lines of
 * `{ "index": 7, "description": "..." }`. Features are known by their index, never by the place of their line.
 *
 * @param path a file, or a folder of them
 * @param options.expected the source that the SAE has on Neuronpedia, where that is known
 * @param options.features how many features the SAE has: a description of one that it has not is of another SAE
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID`, also where the file is of several sources or of another SAE;
 *   the reason of `signal`
 */
export async function readExplanations(
  path: string,
  { expected = null, features = Number.POSITIVE_INFINITY, signal }: ExplanationOptions = {},
): Promise<Explanations> {
  const descriptions = new Map<number, Set<string>>()
  let source: string | null = null
  for await (const line of readJsonLines(path, signal)) {
    const { modelId, layer, description } = line.value
    const own: string | null = typeof modelId === 'string' && typeof layer === 'string' ? `${modelId}/${layer}` : null
    const wanted: string | null = expected ?? source
    if (own !== null && wanted !== null && own !== wanted) {
      throw ofAnotherSae(`${line.where}: expected descriptions of ${wanted}, found those of ${own}`)
    }
    source ??= own
    if (typeof description !== 'string' || description.trim() === '') continue
    const feature = featureIndex(line)
    if (feature >= features) throw ofAnotherSae(`${line.where}: expected features below ${features}, found ${feature}`)
    const known = descriptions.get(feature)
    if (known === undefined) descriptions.set(feature, new Set([description.trim()]))
    else known.add(description.trim())
  }
  return { source, byFeature: new Map([...descriptions].map(([feature, texts]) => [feature, [...texts].join('; ')])) }
}

function ofAnotherSae(message: string): SaeMatchError {
  return new SaeMatchError('FORMAT_INVALID', message, {
    hint: 'Labels of another SAE mean nothing here: give the files of this one.',
  })
}
