import type { Site } from './checkpoint.js'

const sites: readonly (readonly [RegExp, Site])[] = [
  [/\bhook_resid_(pre|mid|post)$/, 'residual'],
  [/\bhook_mlp_out$/, 'mlp-out'],
  [/\bhook_attn_out$/, 'attention-out'],
  [/\bhook_z$/, 'hook-z'],
  [/\bhook_embed$/, 'embedding'],
]

/** The site a TransformerLens hook name stands for, e.g. `blocks.12.hook_resid_post`. */
export function siteOfHook(hook: string): Site {
  return sites.find(([pattern]) => pattern.test(hook))?.[1] ?? 'unknown'
}

/** The layer in a hook name: `blocks.L.` (TransformerLens), `layers.L` or `h.L` (Hugging Face); null without one. */
export function layerOfHook(hook: string): number | null {
  const match = /(?:^|\.)(?:blocks|layers|h)\.(\d+)(?:\.|$)/.exec(hook)
  return match === null ? null : Number(match[1])
}
