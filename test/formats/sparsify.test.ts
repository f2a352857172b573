import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { readRow } from '../../src/tensor/row.js'
import { tensor, writeFolder } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
let count = 0
const [n, d] = [6, 2]
const config = { activation: 'topk', k: 2, num_latents: n, d_in: d, transcode: false, skip_connection: false }
const tensors = {
  'encoder.weight': tensor([n, d]),
  'encoder.bias': tensor([n]),
  W_dec: tensor([n, d]),
  b_dec: tensor([d]),
}

const write = (settings: object = config, stored: object = tensors, hook = 'layers.3') =>
  writeFolder(join(folder, `case-${count++}`, hook), { 'cfg.json': settings, 'sae.safetensors': stored })

describe('sparsify', () => {
  it('has a decoder of rows, whatever other readers make of W_dec', async () => {
    const { decoder, encoder } = await readCheckpoint(write())
    expect([...readRow(decoder.matrix, 1)]).toEqual([3, 4])
    expect([...readRow(encoder.matrix, 1)]).toEqual([3, 4])
    const square = { ...tensors, 'encoder.weight': tensor([2, 2]), 'encoder.bias': tensor([2]), W_dec: tensor([2, 2]) }
    const both = await readCheckpoint(write({ ...config, num_latents: 2 }, square))
    expect([...readRow(both.decoder.matrix, 1)]).toEqual([3, 4])
  })

  it.each([
    ['an SAE subtracts', config, tensors, true],
    ['whether or not its decoder is normalised', { ...config, normalize_decoder: true }, tensors, true],
    ['a transcoder does not', { ...config, transcode: true }, tensors, false],
    [
      'nor one of before the flag',
      { activation: 'topk', k: 2, num_latents: n, d_in: d, skip_connection: true },
      { ...tensors, W_skip: tensor([d, d]) },
      false,
    ],
  ])('%s b_dec', async (_, settings, stored, subtractsDecoderBias) => {
    expect(await readCheckpoint(write(settings, stored))).toMatchObject({ subtractsDecoderBias })
  })

  it.each([
    ['layers.3', 'residual', 3],
    ['h.11', 'residual', 11],
    ['layers.3/seed1', 'residual', 3],
    ['layers.3.mlp', 'mlp-out', 3],
    ['gpt_neox.layers.3.attention', 'attention-out', 3],
    ['embed_tokens', 'embedding', 0],
    ['layers.3.mlp.down_proj', 'unknown', 3],
    ['best', 'unknown', null],
  ])('takes the hook from the folder %s', async (hook, site, layer) => {
    const name = hook === 'best' ? null : hook.split('/')[0]
    expect(await readCheckpoint(write(config, tensors, hook))).toMatchObject({ site, layer, hook: name })
  })

  it.each([
    ['a negative sign', { ...config, signed: true }, tensors, 'ARCHITECTURE_UNKNOWN', ['"signed"']],
    ['another activation', { ...config, activation: 'relu' }, tensors, 'ARCHITECTURE_UNKNOWN', ['"relu"']],
    ['no k', { ...config, k: undefined }, tensors, 'FORMAT_INVALID', ['"k"']],
    ['a k above n', { ...config, k: 7 }, tensors, 'FORMAT_INVALID', ['"k" <= 6, found 7']],
    ['groups of two sizes', { ...config, activation: 'groupmax', k: 4 }, tensors, 'FORMAT_INVALID', ['4 groups']],
    ['another n', { ...config, num_latents: 7 }, tensors, 'TENSOR_SHAPE', ['expected 7 features', 'found 6']],
    ['another factor', { ...config, num_latents: 0, expansion_factor: 4 }, tensors, 'TENSOR_SHAPE', ['expected 8']],
    ['another d', { ...config, d_in: 3 }, tensors, 'TENSOR_SHAPE', ['width 3']],
    ['no decoder', config, { ...tensors, W_dec: undefined }, 'TENSOR_MISSING', ['W_dec']],
    ['a skip nobody asks for', config, { ...tensors, W_skip: tensor([d, d]) }, 'FORMAT_INVALID', ['W_skip']],
    ['no skip', { ...config, skip_connection: true }, tensors, 'TENSOR_MISSING', ['W_skip']],
  ] as const)('refuses %s', async (_, settings, stored, code, parts) => {
    const given = Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== undefined))
    const path = write(settings, given)
    await expectFailure(readCheckpoint(path), code, path, ...parts)
  })
})
