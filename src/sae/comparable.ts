import { SaeMatchError } from '../errors.js'
import { type Weights, weightPresets } from './rows.js'
import type { Sae, Site } from './sae.js'

/** What decides whether SAEs may be compared at all. */
export interface Place {
  /** The width of the activations it reads. */
  readonly dimension: number
  /** The width of those it writes, where that is another. */
  readonly outputDimension?: number | undefined
  readonly site: Site
  /** Where it writes, where that is not the site. */
  readonly outputSite?: Site | undefined
}

/** Whether {@link checkComparable} would let two SAEs of these places pass. */
export function areComparable(a: Place, b: Place, weights: Weights): boolean {
  return incomparable(a, b, weights) === null
}

/**
 * Whether the weights of two SAEs may be compared. See docs/method.md#which-saes-compare.
 * @returns what makes the comparison doubtful, one sentence each
 * @throws `NOT_COMPARABLE` where the widths of the activation space or the sites differ, or where encoders are compared
 *   of which one says nothing by itself: a distance would mean nothing
 */
export function checkComparable(a: Sae, b: Sae, weights: Weights): string[] {
  const placeOf = ({ encoder, decoder, site, outputSite }: Sae): Place => ({
    dimension: encoder.columns,
    outputDimension: decoder.columns,
    site,
    outputSite,
  })
  const difference = incomparable(placeOf(a), placeOf(b), weights)
  if (difference !== null) {
    const { what, ofA, ofB } = difference
    throw new SaeMatchError(
      'NOT_COMPARABLE',
      `${b.source.path}: expected ${what} ${ofA} as in ${a.source.path}, found ${ofB}`,
      areComparable(placeOf(a), placeOf(b), weightPresets.decoder) ? { hint: decodersHint } : {},
    )
  }
  for (const { decoderOnly, source } of [a, b]) {
    if (typeof decoderOnly === 'string' && !comparesDecodersOnly(weights)) {
      throw new SaeMatchError('NOT_COMPARABLE', `${source.path}: ${decoderOnly}`, {
        hint: decodersHint,
      })
    }
  }
  const warnings: string[] = []
  const siteOf = comparedSite(weights)
  if (siteOf(a) !== siteOf(b)) {
    warnings.push(
      `Only one checkpoint says where it reads: ${a.site} (${a.source.path}), ${b.site} (${b.source.path}).`,
    )
  }
  if (siteOf(a) === 'unknown' && siteOf(b) === 'unknown' && hookKind(a) !== hookKind(b)) {
    const hooks = [a, b].map(({ hook, source }) => `${hook ?? 'no hook'} (${source.path})`)
    warnings.push(`The hooks differ and their sites are not known: ${hooks.join(', ')}.`)
  }
  if (a.model !== null && b.model !== null && shortName(a.model) !== shortName(b.model)) {
    warnings.push(`The models differ: ${a.model} (${a.source.path}), ${b.model} (${b.source.path}).`)
  }
  const normalised = [a, b].find(({ inputNorm }) => inputNorm !== 'none')
  if (normalised !== undefined) {
    const norm = `${normalised.source.path} normalises every input (${normalised.inputNorm})`
    warnings.push(`${norm}: directions can be compared, scales cannot; use the scale 'unit'.`)
  }
  return warnings
}

const decodersHint =
  "Decoders alone can be compared: they write to one place. Use the weights 'decoder' (--weights decoder)."

/** In what two places differ so that a distance would mean nothing, or null. */
function incomparable(a: Place, b: Place, weights: Weights) {
  const written = ({ dimension, outputDimension = dimension }: Place) => outputDimension
  if (!comparesDecodersOnly(weights) && a.dimension !== b.dimension) {
    return { what: 'activations of width', ofA: a.dimension, ofB: b.dimension }
  }
  if (weights.decoder > 0 && written(a) !== written(b)) {
    return { what: 'decoders of width', ofA: written(a), ofB: written(b) }
  }
  const differ = (what: string, siteOf: (place: Place) => Site) => {
    const [ofA, ofB] = [siteOf(a), siteOf(b)]
    return ofA === ofB || ofA === 'unknown' || ofB === 'unknown' ? null : { what, ofA, ofB }
  }
  const inPlace = differ('the site', comparedSite(weights))
  return inPlace ?? (weights.decoder > 0 ? differ('decoders that write to the site', writtenSite) : null)
}

function comparesDecodersOnly({ encoder, bias }: Weights): boolean {
  return encoder === 0 && bias === 0
}

/** Decoders alone are compared where they write: a transcoder reads the input of an MLP and writes its output. */
function comparedSite(weights: Weights): (place: Pick<Place, 'site' | 'outputSite'>) => Site {
  return comparesDecodersOnly(weights) ? writtenSite : ({ site }) => site
}

function writtenSite({ site, outputSite }: Pick<Place, 'site' | 'outputSite'>): Site {
  return outputSite ?? (site === 'transcoder' ? 'mlp-out' : site)
}

/** A hook without its layer: `blocks.3.attn.hook_q` and `blocks.4.attn.hook_q` are of one kind. */
function hookKind({ hook }: Sae): string | null {
  return hook?.replace(/\b(blocks|layers|h)\.\d+/, '$1') ?? null
}

/** `google/gemma-2-2b` and `gemma-2-2b` name the same model. */
function shortName(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).toLowerCase()
}
