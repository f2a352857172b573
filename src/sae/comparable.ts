import { SaeMatchError } from '../errors.js'
import type { Weights } from './rows.js'
import type { Sae, Site } from './sae.js'

/** What decides whether SAEs may be compared at all. */
export interface Place {
  /** The width of the activations. */
  readonly dimension: number
  readonly site: Site
}

/** Whether {@link checkComparable} would let two SAEs of these places pass. */
export function areComparable(a: Place, b: Place, weights: Weights): boolean {
  return incomparable(a, b, weights) === null
}

/**
 * Whether the weights of two SAEs may be compared. See docs/method.md#which-saes-compare.
 * @returns what makes the comparison doubtful, one sentence each
 * @throws `NOT_COMPARABLE` where the widths of the activation space or the sites differ: a distance would mean nothing
 */
export function checkComparable(a: Sae, b: Sae, weights: Weights): string[] {
  const placeOf = ({ encoder, site }: Sae): Place => ({ dimension: encoder.columns, site })
  const difference = incomparable(placeOf(a), placeOf(b), weights)
  if (difference !== null) {
    const { what, ofA, ofB } = difference
    throw new SaeMatchError(
      'NOT_COMPARABLE',
      `${b.source.path}: expected ${what} ${ofA} as in ${a.source.path}, found ${ofB}`,
    )
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

/** In what two places differ so that a distance would mean nothing, or null. */
function incomparable(a: Place, b: Place, weights: Weights) {
  if (a.dimension !== b.dimension) return { what: 'activations of width', ofA: a.dimension, ofB: b.dimension }
  const siteOf = comparedSite(weights)
  if (siteOf(a) === siteOf(b) || a.site === 'unknown' || b.site === 'unknown') return null
  return { what: 'the site', ofA: a.site, ofB: b.site }
}

/** Decoders alone are compared where they write: a transcoder reads the input of an MLP and writes its output. */
function comparedSite({ encoder, bias }: Weights): (place: { readonly site: Site }) => Site {
  const decoderOnly = encoder === 0 && bias === 0
  return ({ site }) => (decoderOnly && site === 'transcoder' ? 'mlp-out' : site)
}

/** A hook without its layer: `blocks.3.attn.hook_q` and `blocks.4.attn.hook_q` are of one kind. */
function hookKind({ hook }: Sae): string | null {
  return hook?.replace(/\b(blocks|layers|h)\.\d+/, '$1') ?? null
}

/** `google/gemma-2-2b` and `gemma-2-2b` name the same model. */
function shortName(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).toLowerCase()
}
