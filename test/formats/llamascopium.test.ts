import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint, readHeader } from '../../src/formats/detect.js'
import { discoverSaes } from '../../src/pairs/discover.js'
import { readRow } from '../../src/tensor/row.js'
import { tensor, writeFolder } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
let count = 0
const [n, d] = [6, 4]
const hook = 'blocks.5.hook_resid_post'
const config = {
  sae_type: 'sae',
  hook_point_in: hook,
  hook_point_out: hook,
  d_model: d,
  expansion_factor: 1.5,
  act_fn: 'jumprelu',
  norm_activation: 'dataset-wise',
}
const tensors = {
  W_E: tensor([d, n]),
  b_E: tensor([n]),
  W_D: tensor([n, d]),
  b_D: tensor([d]),
  'activation_function.log_jumprelu_threshold': tensor([n], [0, 1, 2, -1, -2, 0.5]),
  [`dataset_average_activation_norm.${hook}`]: tensor([], [8]),
}
const { [`dataset_average_activation_norm.${hook}`]: _, ...withoutNorm } = tensors
const write = (settings: object = config, stored: object = tensors) =>
  writeFolder(join(folder, `case-${count++}`), { 'config.json': settings, 'sae_weights.safetensors': stored })

const hooks = [2, 9].map((layer) => `blocks.${layer}.hook_resid_post`)
const crosscoder = { ...config, sae_type: 'crosscoder', hook_points: hooks, norm_activation: 'inference' }
const heads = {
  W_E: tensor([2, d, n]),
  b_E: tensor([2, n]),
  W_D: tensor([2, n, d]),
  b_D: tensor([2, d]),
  'activation_function.log_jumprelu_threshold': tensor([n]),
}

describe('llamascopium', () => {
  it('takes the exponential of its thresholds, and compares them in its own scale', async () => {
    const checkpoint = await readCheckpoint(write())
    expect(checkpoint).toMatchObject({ inputScale: 0.25, outputScale: 0.25, subtractsDecoderBias: false, warnings: [] })
    const values = Float64Array.from([0, 1, 2, -1, -2, 0.5], Math.exp)
    expect(checkpoint.activation).toMatchObject({ byDecoderNorm: true, threshold: { values } })
  })

  it('takes norms from the configuration or the caller, and says where they are missing', async () => {
    const inConfig = { ...config, dataset_average_activation_norm: { in: 8, out: 16 } }
    expect(await readCheckpoint(write(inConfig, withoutNorm))).toMatchObject({ inputScale: 0.25, outputScale: 0.125 })
    const path = write(config, withoutNorm)
    const missing = await readCheckpoint(path)
    expect(missing).toMatchObject({ inputScale: 1, warnings: [expect.stringContaining('--activation-scale')] })
    expect(await readCheckpoint(path, { activationScale: 0.5 })).toMatchObject({ inputScale: 0.5, warnings: [] })
    // what the checkpoint says itself, of inputs and outputs apart, is not overruled
    const told = await readCheckpoint(write(inConfig, withoutNorm), { activationScale: 0.5 })
    expect(told).toMatchObject({ inputScale: 0.25, outputScale: 0.125 })
  })

  it('ignores norms that nothing is scaled by: they hold anything', async () => {
    const anything = { ...tensors, [`dataset_average_activation_norm.${hook}`]: tensor([], [Number.NaN]) }
    const path = write({ ...config, norm_activation: 'inference' }, anything)
    expect(await readCheckpoint(path)).toMatchObject({ inputScale: 1, outputScale: 1 })
    await expectFailure(readCheckpoint(write(config, anything)), 'FORMAT_INVALID', 'positive mean norms')
  })

  it('is told from SAELens, whose folder may have a config.json too', async () => {
    const path = write()
    writeFolder(path, { 'cfg.json': {} })
    await expect(readCheckpoint(path)).rejects.toThrow('b_enc')
    expect(await readCheckpoint(path, { format: 'llamascopium' })).toMatchObject({ layer: 5 })
  })

  it('warns of a BatchTopK without threshold', async () => {
    const { 'activation_function.log_jumprelu_threshold': __, ...stored } = tensors
    const found = await readCheckpoint(write({ ...config, act_fn: 'batchtopk', top_k: 3 }, stored))
    expect(found).toMatchObject({
      activation: { kind: 'topk', k: 3 },
      warnings: [expect.stringContaining('BatchTopK')],
    })
  })

  it('is one SAE for each layer of a crosscoder', async () => {
    const path = write(crosscoder, heads)
    const found = await discoverSaes([path])
    expect(found.map((sae) => [sae.path, sae.layer])).toEqual([
      [`${path}#2`, 2],
      [`${path}#9`, 9],
    ])
    const { decoder, encoder, activation, decoderBias, ...rest } = await readCheckpoint(`${path}#9`)
    expect(rest).toMatchObject({ hook: hooks[1], site: 'crosscoder', outputSite: 'residual' })
    expect(rest.decoderOnly).toContain('several layers')
    expect([...readRow(decoder.matrix, 1)]).toEqual([29, 30, 31, 32])
    expect([...readRow(encoder.matrix, 1)]).toEqual([26, 32, 38, 44])
    expect(decoderBias.values).toEqual(Float64Array.of(5, 6, 7, 8))
    // the biases of all layers together
    expect(activation).toMatchObject({ bias: { values: Float64Array.of(8, 10, 12, 14, 16, 18) } })
    await expectFailure(readHeader(path), 'SAE_AMBIGUOUS', path, ...hooks)
    await expect(readHeader(path)).rejects.toMatchObject({ hint: expect.stringContaining(`${path}#2`) })
    await expectFailure(readHeader(`${path}#3`), 'TENSOR_MISSING', `${path}#3`, ...hooks)
    await expectFailure(readHeader(`${write()}#5`), 'FILE_NOT_FOUND', '#5')
  })

  it('never takes one of several hooks of a layer for all of them', async () => {
    const twice = ['blocks.2.hook_resid_mid', 'blocks.2.hook_resid_post']
    const path = write({ ...crosscoder, hook_points: twice }, heads)
    await expectFailure(readHeader(`${path}#2`), 'SAE_AMBIGUOUS', `${path}#2`, ...twice)
    const found = await discoverSaes([path])
    expect(found.map(({ path, error }) => ({ path, error }))).toEqual([
      { path: `${path}#2`, error: expect.objectContaining({ code: 'SAE_AMBIGUOUS', hint: undefined }) },
    ])
  })

  it('is one SAE, with its error, where no hook of a crosscoder names a layer', async () => {
    const path = join(write({ ...crosscoder, hook_points: ['hook_embed', 'ln_final'] }, heads), 'config.json')
    const found = await discoverSaes([path])
    expect(found.map(({ path, error }) => ({ path, error }))).toEqual([
      { path, error: expect.objectContaining({ code: 'SAE_AMBIGUOUS', hint: undefined }) },
    ])
  })

  it.each([
    ['lorsa', { ...config, sae_type: 'lorsa' }, 'ARCHITECTURE_UNKNOWN', ['sums over tokens']],
    ['another type', { ...config, sae_type: 'x' }, 'ARCHITECTURE_UNKNOWN', ['"x"']],
    ['another activation', { ...config, act_fn: 'layertopk' }, 'ARCHITECTURE_UNKNOWN', ['layertopk']],
    ['norms of batches', { ...config, norm_activation: 'batch-wise' }, 'ARCHITECTURE_UNKNOWN', ['batch-wise']],
    ['no d', { ...config, d_model: undefined }, 'FORMAT_INVALID', ['d_model']],
    ['no factor', { ...config, expansion_factor: undefined }, 'FORMAT_INVALID', ['expansion_factor']],
    ['a factor of 0', { ...config, expansion_factor: 0.1 }, 'FORMAT_INVALID', ['expansion_factor']],
    ['no hook', { ...config, hook_point_in: undefined }, 'FORMAT_INVALID', ['hook_point_in']],
    ['hooks that are no list', { ...crosscoder, hook_points: 'x' }, 'FORMAT_INVALID', ['hook_points']],
    [
      'hooks without end',
      { ...crosscoder, hook_points: Array.from({ length: 2000 }, (_, i) => `blocks.${i}.hook_resid_post`) },
      'FORMAT_INVALID',
      ['at most 1024', '"hook_points"', 'found 2000'],
    ],
    ['another n', { ...config, expansion_factor: 2 }, 'TENSOR_SHAPE', ['8']],
    ['a k above n', { ...config, act_fn: 'topk', top_k: 7 }, 'FORMAT_INVALID', ['top_k']],
    ['thresholds nobody asks for', { ...config, act_fn: 'relu' }, 'FORMAT_INVALID', ['log_jumprelu_threshold']],
  ] as const)('refuses %s', async (_, settings, code, parts) => {
    const path = write(settings)
    await expectFailure(readCheckpoint(path), code, path, ...parts)
  })
})
