import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { discoverSaes } from '../../src/pairs/discover.js'
import { tensor, writeFolder } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
let count = 0
const [n, d] = [6, 4]
const config = {
  hook_point_in: 'blocks.15.hook_resid_post',
  hook_point_out: 'blocks.15.hook_resid_post',
  d_model: d,
  d_sae: n,
  act_fn: 'jumprelu',
  jump_relu_threshold: 0.5,
  norm_activation: 'dataset-wise',
  dataset_average_activation_norm: { in: 8, out: 4 },
  apply_decoder_bias_to_pre_encoder: false,
  top_k: 2,
}
const tensors = {
  'encoder.weight': tensor([n, d]),
  'encoder.bias': tensor([n]),
  'decoder.weight': tensor([d, n]),
  'decoder.bias': tensor([d]),
}
const write = (settings: object = config, stored: object = tensors) =>
  writeFolder(join(folder, `case-${count++}`, 'Llama3_1-8B-Base-L15R-8x'), {
    'hyperparams.json': settings,
    'checkpoints/final.safetensors': stored,
  })

describe('llama-scope', () => {
  it('compares its threshold where the library that wrote it does: unscaled, with decoder rows of norm 1', async () => {
    // s_in = 2 / 8, s_out = 2 / 4
    const byNorm = await readCheckpoint(write())
    expect(byNorm).toMatchObject({ inputScale: 0.25, outputScale: 0.5, subtractsDecoderBias: false })
    const values = (factor: number) => new Float64Array(n).fill(0.5 * factor)
    expect(byNorm.activation).toMatchObject({ byDecoderNorm: true, threshold: { values: values(0.5) } })
    const plain = await readCheckpoint(write({ ...config, sparsity_include_decoder_norm: false }))
    expect(plain.activation).toMatchObject({ byDecoderNorm: false, threshold: { values: values(0.25) } })
  })

  it('is found once below a folder, and read by its configuration', async () => {
    const path = write()
    expect((await discoverSaes([join(path, '..')])).map((found) => found.path)).toEqual([path])
    expect(await readCheckpoint(join(path, 'hyperparams.json'))).toMatchObject({ model: 'meta-llama/Llama-3.1-8B' })
  })

  it.each([
    ['relu', { ...config, act_fn: 'relu' }, { activation: { kind: 'relu' } }],
    ['no scaling', { ...config, norm_activation: 'inference' }, { inputScale: 1, outputScale: 1 }],
    ['token by token', { ...config, norm_activation: 'token-wise' }, { inputScale: 1, inputNorm: 'constant-norm' }],
  ])('reads %s', async (_, settings, expected) => {
    expect(await readCheckpoint(write(settings))).toMatchObject(expected)
  })

  it('reads the decoder alone of a gated linear unit, and does without a decoder bias', async () => {
    const gate = { ...tensors, 'encoder_glu.weight': tensor([n, d]), 'encoder_glu.bias': tensor([n]) }
    const { decoderOnly } = await readCheckpoint(write({ ...config, use_glu_encoder: true }, gate))
    expect(decoderOnly).toContain('gated linear unit')
    const { 'decoder.bias': _, ...without } = tensors
    const { decoderBias } = await readCheckpoint(write({ ...config, use_decoder_bias: false }, without))
    expect(decoderBias.values).toEqual(new Float64Array(d))
  })

  it.each([
    ['no norm', { ...config, dataset_average_activation_norm: { in: 8 } }, 'FORMAT_INVALID', ['positive "out"']],
    ['a norm of 0', { ...config, dataset_average_activation_norm: { in: 0, out: 1 } }, 'FORMAT_INVALID', ['"in"']],
    ['a norm of batches', { ...config, norm_activation: 'batch-wise' }, 'ARCHITECTURE_UNKNOWN', ['batch-wise']],
    ['another activation', { ...config, act_fn: 'gelu' }, 'ARCHITECTURE_UNKNOWN', ['"gelu"']],
    ['a negative threshold', { ...config, jump_relu_threshold: -1 }, 'FORMAT_INVALID', ['jump_relu_threshold']],
    ['no d', { ...config, d_model: undefined }, 'FORMAT_INVALID', ['d_model']],
    ['no hook', { ...config, hook_point_in: undefined }, 'FORMAT_INVALID', ['hook_point_in']],
    ['another n', { ...config, d_sae: 7 }, 'TENSOR_SHAPE', ['7', 'found 6']],
    ['a k above n', { ...config, act_fn: 'topk', jump_relu_threshold: 0, top_k: 7 }, 'FORMAT_INVALID', ['"top_k"']],
    [
      'a subtraction between two scales',
      { ...config, apply_decoder_bias_to_pre_encoder: true },
      'FORMAT_INVALID',
      ['one norm in and out'],
    ],
  ] as const)('refuses %s', async (_, settings, code, parts) => {
    const path = write(settings)
    await expectFailure(readCheckpoint(path), code, path, ...parts)
  })
})
