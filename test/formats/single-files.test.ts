import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint, readHeader } from '../../src/formats/detect.js'
import { discoverSaes } from '../../src/pairs/discover.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { encodeTorch, type TorchItem } from '../helpers/torch-files.js'

type Items = { readonly [name: string]: TorchItem }

const folder = temporaryFolder()
function write(name: string, items: Items): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, encodeTorch(items))
  return path
}

const zeros = (...shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5), shape })
const [n, d] = [3, 2]
const openai = {
  pre_bias: zeros(d),
  latent_bias: zeros(n),
  'encoder.weight': zeros(n, d),
  'decoder.weight': zeros(d, n),
}
const topk = { ...openai, activation: 'TopK', activation_state_dict: { k: 2, postact_fn: 'ReLU' } }
const goodfire = {
  'encoder_linear.weight': zeros(n, d),
  'encoder_linear.bias': zeros(n),
  'decoder_linear.weight': zeros(d, n),
  'decoder_linear.bias': zeros(d),
}

describe('a single file of torch.save', () => {
  it.each<[string, Items, object]>([
    ['gpt2-small/resid_post_mlp_v5_32k/autoencoders/6.pt', topk, { family: 'openai', layer: 6, site: 'residual' }],
    ['gpt2-small/resid_delta_mlp/autoencoders/0.pt', openai, { family: 'openai', layer: 0, site: 'mlp-out' }],
    ['elsewhere.pt', openai, { family: 'openai', layer: null, site: 'unknown', hook: null, model: null }],
    ['7.pt', openai, { family: 'openai', layer: 7, site: 'unknown', hook: null }],
    ['Llama-3.1-8B-Instruct-SAE-l19.pth', goodfire, { family: 'goodfire', layer: 19, site: 'residual' }],
    ['some.pth', goodfire, { family: 'goodfire', layer: null, site: 'unknown', model: null }],
  ])('%s belongs to the family of its tensors', async (name, items, expected) => {
    expect(await readHeader(write(name, items))).toMatchObject({ ...expected, features: n, dimension: d })
  })

  it('knows the repository of a downloaded file', async () => {
    const name = 'models--Goodfire--Llama-3.3-70B-Instruct-SAE-l50/snapshots/c0ffee/model.pt'
    const model = 'meta-llama/Llama-3.3-70B-Instruct'
    expect(await readHeader(write(name, goodfire))).toMatchObject({ layer: 50, model })
  })

  it.each<[string, Items, string, string[]]>([
    ['tensors of nobody', { weight: zeros(2, 2) }, 'FORMAT_UNKNOWN', ['pre_bias', 'openai', 'goodfire', 'x.pt']],
    ['an unknown activation', { ...openai, activation: 'GELU' }, 'ARCHITECTURE_UNKNOWN', ['"activation"', '"GELU"']],
    [
      'a TopK that keeps negative values',
      { ...topk, activation_state_dict: { k: 2, postact_fn: 'Identity' } },
      'ARCHITECTURE_UNKNOWN',
      ['postact_fn', '"Identity"'],
    ],
    ['no k', { ...openai, activation: 'TopK' }, 'FORMAT_INVALID', ['activation_state_dict.k', 'undefined']],
    ['a k too large', { ...topk, activation_state_dict: { k: 4 } }, 'FORMAT_INVALID', ['1 to 3', 'found 4']],
    ['an unknown tensor', { ...openai, 'decoder.bias': zeros(d) }, 'FORMAT_INVALID', ['decoder.bias']],
    [
      'a shape of another',
      { ...goodfire, 'decoder_linear.weight': zeros(3, 3) },
      'TENSOR_SHAPE',
      ['decoder_linear.weight'],
    ],
  ])('refuses %s', async (_, items, code, parts) => {
    const path = write('x.pt', items)
    await expectFailure(readCheckpoint(path), code as 'FORMAT_INVALID', path, ...parts)
  })

  it('is read as the family that is asked for', async () => {
    const path = write('asked.pt', openai)
    expect((await readCheckpoint(path, { format: 'openai' })).source.family).toBe('openai')
    await expectFailure(readCheckpoint(path, { format: 'goodfire' }), 'FORMAT_INVALID', path, 'encoder_linear')
  })

  it('is found in a folder, where other files are none', async () => {
    const sae = write('many/0.pt', openai)
    const other = write('many/1.pt', openai)
    write('many/activations.pt', { x: zeros(2, 2) })
    const found = await discoverSaes([join(folder, 'many')])
    expect(found.map(({ path }) => path)).toEqual([sae, other])
  })
})

describe('SAEs of attention outputs', () => {
  const state = { W_enc: zeros(d, n), W_dec: zeros(n, d), b_enc: zeros(n), b_dec: zeros(d) }
  const config = { act_size: d, dict_size: n, act_name: 'blocks.5.attn.hook_z' }

  it('belong to their configuration', async () => {
    const path = write('z/a_v9.pt', state)
    writeFileSync(join(folder, 'z', 'a_v9_cfg.json'), JSON.stringify(config))
    expect(await readCheckpoint(path)).toMatchObject({ site: 'hook-z', layer: 5, subtractsDecoderBias: true })
    await expectFailure(readCheckpoint(write('z/b_v9.pt', state)), 'FORMAT_UNKNOWN', 'b_v9.pt')
  })
})
