import { SaeMatchError } from '../errors.js'
import type { Weights } from './rows.js'
import type { Sae, Site } from './sae.js'

/**
 * Whether the weights of two SAEs may be compared. See docs/method.md#which-saes-compare.
 * @returns what makes the comparison doubtful, one sentence each
 * @throws `NOT_COMPARABLE` where the widths of the activation space or the sites differ: a distance would mean nothing
 */
export function checkComparable(a: Sae, b: Sae, weights: Weights): string[] {
  const refuse = (what: string, ofA: string | number, ofB: string | number) =>
    new SaeMatchError(
      'NOT_COMPARABLE',
      `${b.source.path}: expected ${what} ${ofA} as in ${a.source.path}, found ${ofB}`,
    )
  if (a.encoder.columns !== b.encoder.columns)
    throw refuse('activations of width', a.encoder.columns, b.encoder.columns)

  const warnings: string[] = []
  const decoderOnly = weights.encoder === 0 && weights.bias === 0
  const siteOf = decoderOnly ? outputSite : (sae: Sae) => sae.site
  if (siteOf(a) !== siteOf(b)) {
    if (a.site !== 'unknown' && b.site !== 'unknown') throw refuse('the site', a.site, b.site)
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

/** Where decoders write: a transcoder reads the input of an MLP and writes its output. */
function outputSite({ site }: Sae): Site {
  return site === 'transcoder' ? 'mlp-out' : site
}

/** A hook without its layer: `blocks.3.attn.hook_q` and `blocks.4.attn.hook_q` are of one kind. */
function hookKind({ hook }: Sae): string | null {
  return hook?.replace(/\b(blocks|layers|h)\.\d+/, '$1') ?? null
}

/** `google/gemma-2-2b` and `gemma-2-2b` name the same model. */
function shortName(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).toLowerCase()
}
