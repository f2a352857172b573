import { canonicalL0 } from '../hub/canonical-l0.js'
import { placeOf } from '../hub/checkpoints.js'
import { isHubReference, parseReference } from '../hub/reference.js'
import { findRelease, type Release, releaseOf } from '../hub/releases.js'
import { widthTag } from '../hub/select.js'

/** What is known of an SAE, as the records of a run have it. */
export interface LabelledSae {
  /** `hf://owner/name@commit/path`, or null. */
  readonly hub?: string | null | undefined
  readonly path: string
  readonly layer: number | null
  /** Number of features. */
  readonly features: number
}

/**
 * The id of the source under which Neuronpedia shows an SAE, `model/layer-set`, e.g. `gemma-2-2b/20-gemmascope-res-16k`; null
 * where it belongs to no release that is known, its layer is unknown, or it is one of several L0s of which nobody knows
 * here which is shown. Whether the page exists only Neuronpedia knows: it shows some layers and widths.
 */
export function neuronpediaSource({ hub, path, layer, features }: LabelledSae): string | null {
  const found = typeof hub === 'string' && isHubReference(hub) ? onHub(hub) : locally(path)
  if (found?.release.neuronpedia == null || layer === null) return null
  const { release, inside } = found
  const width = widthTag(features)
  const [model, set] = release.neuronpedia!.replace('{width}', width).split('/')
  const { l0 } = placeOf(inside)
  const source = `${model}/${layer}-${set}`
  if (!/^\d+$/.test(l0 ?? '')) return source
  const shown = canonicalL0(release.name, width, layer)
  if (shown === null) return null
  return Number(l0) === shown ? source : `${source}__l0-${l0}`
}

/** `gemma-2-2b/20-gemmascope-res-16k/442` */
export function neuronpediaFeature(source: string, feature: number): string {
  return `${source}/${feature}`
}

/** The page of a feature, or of a source. */
export function neuronpediaUrl(id: string): string {
  return `https://www.neuronpedia.org/${id.split('/').map(encodeURIComponent).join('/')}`
}

function onHub(hub: string): { release: Release; inside: string } | null {
  const { repository, path } = parseReference(hub)
  const release = releaseOf(repository, path)
  return release === undefined ? null : { release, inside: path }
}

/** A folder that is called as a release: `saes/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71`. */
function locally(path: string): { release: Release; inside: string } | null {
  const parts = path.split(/[/\\]/)
  const place = parts.findLastIndex((part) => findRelease(part) !== undefined)
  return place < 0 ? null : { release: findRelease(parts[place])!, inside: parts.slice(place + 1).join('/') }
}
