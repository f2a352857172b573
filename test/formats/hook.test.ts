import { describe, expect, it } from 'vitest'
import { layerOfHook, siteOfHook } from '../../src/formats/hook.js'

describe('hook names', () => {
  it.each([
    ['blocks.12.hook_resid_post', 12, 'residual'],
    ['blocks.0.hook_resid_pre', 0, 'residual'],
    ['blocks.7.hook_resid_mid', 7, 'residual'],
    ['blocks.3.hook_mlp_out', 3, 'mlp-out'],
    ['blocks.3.hook_attn_out', 3, 'attention-out'],
    ['blocks.3.attn.hook_z', 3, 'hook-z'],
    ['hook_embed', null, 'embedding'],
    ['model.layers.17.output', 17, 'residual'],
    ['model.layers.{5,9}.output', null, 'residual'],
    ['model.layers.3.post_feedforward_layernorm.output', 3, 'mlp-out'],
    ['model.layers.3.self_attn.o_proj.input', 3, 'hook-z'],
    ['model.layers.3.pre_feedforward_layernorm.output', 3, 'unknown'],
    ['transformer.h.5', 5, 'unknown'],
    ['blocks.x.hook_mlp_outer', null, 'unknown'],
  ])('%s', (hook, layer, site) => {
    expect(layerOfHook(hook)).toBe(layer)
    expect(siteOfHook(hook)).toBe(site)
  })
})
