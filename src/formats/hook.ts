import type { Site } from './checkpoint.js'

const sites: readonly (readonly [RegExp, Site])[] = [
  [/\bhook_resid_(pre|mid|post)$/, 'residual'],
  [/\bhook_mlp_out$/, 'mlp-out'],
  [/\bhook_attn_out$/, 'attention-out'],
  [/\bhook_z$/, 'hook-z'],
  [/\bhook_embed$/, 'embedding'],
  // Hugging Face's modules, as Gemma Scope 2 names them; `{5,9}` stands for several layers
  [/(^|\.)layers\.[^.]+\.output$/, 'residual'],
  [/\bpost_feedforward_layernorm\.output$/, 'mlp-out'],
  [/\bself_attn\.o_proj\.input$/, 'hook-z'],
]

/** The site a hook name stands for, e.g. `blocks.12.hook_resid_post`. */
export function siteOfHook(hook: string): Site {
  return sites.find(([pattern]) => pattern.test(hook))?.[1] ?? 'unknown'
}

/** The layer in a hook name: `blocks.L.` (TransformerLens), `layers.L` or `h.L` (Hugging Face); null without one. */
export function layerOfHook(hook: string): number | null {
  const match = /(?:^|\.)(?:blocks|layers|h)\.(\d+)(?:\.|$)/.exec(hook)
  return match === null ? null : Number(match[1])
}
