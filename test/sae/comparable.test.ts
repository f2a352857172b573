import { describe, expect, it } from 'vitest'
import { checkComparable } from '../../src/sae/comparable.js'
import { weightPresets } from '../../src/sae/rows.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'

const a = syntheticSae(mulberry32(1), 5, 4, { source: { family: 'synthetic', path: 'a', files: [] } })
const other = (replaced: Partial<Sae>, d = 4) =>
  syntheticSae(mulberry32(2), 6, d, { source: { family: 'synthetic', path: 'b', files: [] }, ...replaced })
const { all, decoder } = weightPresets

describe('checkComparable', () => {
  it.each<[string, Partial<Sae>, Partial<Sae>, typeof all | typeof decoder, string[]]>([
    ['another layer', {}, { layer: 2, hook: 'blocks.2.hook_resid_post' }, all, []],
    ['another spelling of the model', { model: 'google/gemma-2-2b' }, { model: 'gemma-2-2b' }, all, []],
    ['another model', { model: 'gemma-2-9b' }, { model: 'gemma-2-9b-it' }, all, ['models differ: gemma-2-9b (a)']],
    ['an unknown model', { model: null }, {}, all, []],
    ['an unknown site', { site: 'unknown' }, {}, all, ['Only one checkpoint says where it reads']],
    ['two unknown sites', { site: 'unknown' }, { site: 'unknown' }, all, []],
    [
      'one unknown hook in two layers',
      { site: 'unknown', hook: 'blocks.1.attn.hook_q' },
      { site: 'unknown', hook: 'blocks.12.attn.hook_q' },
      all,
      [],
    ],
    [
      'two hooks of unknown sites',
      { site: 'unknown', hook: 'blocks.1.attn.hook_q' },
      { site: 'unknown', hook: 'blocks.1.attn.hook_k' },
      all,
      ['blocks.1.attn.hook_q (a), blocks.1.attn.hook_k (b)'],
    ],
    ['a hook of unknown site and none', { site: 'unknown' }, { site: 'unknown', hook: null }, all, ['no hook (b)']],
    ['two transcoders', { site: 'transcoder' }, { site: 'transcoder' }, all, []],
    ['the decoders of a transcoder and an MLP SAE', { site: 'transcoder' }, { site: 'mlp-out' }, decoder, []],
    ['decoders that write to one place', { site: 'crosscoder', outputSite: 'residual' }, {}, decoder, []],
    ['the decoder of what has no encoder of its own', { decoderOnly: 'it reads two layers' }, {}, decoder, []],
    ['inputs normalised for each token', {}, { inputNorm: 'layer-norm' }, all, ["use the scale 'unit'"]],
  ])('accepts %s', (_, ofA, ofB, weights, warnings) => {
    const found = checkComparable({ ...a, ...ofA }, other(ofB), weights)
    expect(found).toEqual(warnings.map((part) => expect.stringContaining(part)))
  })

  it.each<[string, Partial<Sae>, Sae, typeof all | typeof decoder, string]>([
    ['another width', {}, other({}, 7), all, 'b: expected activations of width 4 as in a, found 7'],
    ['another site', {}, other({ site: 'mlp-out' }), all, 'b: expected the site residual as in a, found mlp-out'],
    [
      'what has no encoder of its own',
      { decoderOnly: 'it reads two layers' },
      other({}),
      all,
      'a: it reads two layers',
    ],
    [
      'decoders that write to other places',
      { site: 'transcoder', outputSite: 'residual' },
      other({ site: 'transcoder' }),
      decoder,
      'the site residual as in a, found mlp-out',
    ],
    [
      'two crosscoders of other places',
      { site: 'crosscoder', outputSite: 'residual' },
      other({ site: 'crosscoder', outputSite: 'mlp-out' }),
      all,
      'decoders that write to the site residual as in a, found mlp-out',
    ],
    ['hook_z and residual', { site: 'hook-z' }, other({}), decoder, 'hook-z'],
    ['all of a transcoder and an MLP SAE', { site: 'transcoder' }, other({ site: 'mlp-out' }), all, 'transcoder'],
  ])('refuses %s', (_, ofA, b, weights, part) => {
    const comparing = () => checkComparable({ ...a, ...ofA }, b, weights)
    expect(comparing).toThrow(expect.objectContaining({ code: 'NOT_COMPARABLE' }))
    expect(comparing).toThrow(part)
  })

  it('says where decoders alone could be compared', () => {
    const slice = other({ site: 'crosscoder', outputSite: 'residual' })
    const hinting = expect.objectContaining({ hint: expect.stringContaining('--weights decoder') })
    expect(() => checkComparable(a, slice, all)).toThrow(hinting)
    expect(checkComparable(a, slice, decoder)).toEqual([])
    const elsewhere = other({ site: 'mlp-out' })
    expect(() => checkComparable(a, elsewhere, all)).toThrow(expect.objectContaining({ hint: undefined }))
  })

  it('asks for one width of what is compared: decoders write it, encoders read it', () => {
    const wide = rowMajor(new Float64Array(6 * 9), 'f64', 6, 9)
    const transcoder = other({ site: 'transcoder', decoder: wide, decoderBias: new Float64Array(9) })
    const sae = other({ site: 'mlp-out' }, 9)
    expect(checkComparable(sae, transcoder, decoder)).toEqual([])
    expect(() => checkComparable({ ...a, site: 'transcoder' }, transcoder, all)).toThrow(
      'expected decoders of width 4 as in a, found 9',
    )
    expect(checkComparable({ ...a, site: 'transcoder' }, transcoder, weightPresets.encoder)).toEqual([])
  })
})
