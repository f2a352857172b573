import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint, readHeader } from '../../src/formats/detect.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { encodeTorch, type TorchItem } from '../helpers/torch-files.js'

type Items = { readonly [name: string]: TorchItem }

const folder = temporaryFolder()
let count = 0
function write(items: Items, trainer: object | null = {}, { name = 'ae.pt', below = `run_${count++}` } = {}): string {
  const path = join(folder, below)
  mkdirSync(join(path, 'checkpoints'), { recursive: true })
  if (trainer !== null) writeFileSync(join(path, 'config.json'), JSON.stringify({ trainer }))
  writeFileSync(join(path, name), encodeTorch(items))
  return path
}

const tensor = (shape: number[], ...values: number[]) => ({ data: Float32Array.from(values), shape })
const [n, d] = [3, 2]
const encoder = tensor([n, d], 1, 2, 3, 4, 5, 6)
const decoder = tensor([d, n], 7, 8, 9, 10, 11, 12)
const bias = tensor([n], 1, 2, 3)
const decoderBias = tensor([d], 0.5, 0.25)
const layers = { 'encoder.weight': encoder, 'encoder.bias': bias, 'decoder.weight': decoder }
const batchTopK = { ...layers, b_dec: decoderBias, k: tensor([], 2), threshold: tensor([], 0.5) }
const standard = { ...layers, bias: decoderBias }
const jumprelu = {
  W_enc: tensor([d, n], 1, 2, 3, 4, 5, 6),
  W_dec: tensor([n, d], 1, 2, 3, 4, 5, 6),
  b_enc: bias,
  b_dec: decoderBias,
  threshold: tensor([n], 1, 2, 3),
}
const trainer = { dict_class: 'BatchTopKSAE', dict_size: n, activation_dim: d, k: 2, layer: 4, lm_name: 'org/model' }

describe('classes', () => {
  it.each<[string, Items, object | null, object]>([
    ['as configured', batchTopK, trainer, { architecture: 'BatchTopKSAE', activation: { kind: 'jumprelu' } }],
    [
      'the same tensors as TopK',
      batchTopK,
      { ...trainer, dict_class: 'AutoEncoderTopK' },
      { architecture: 'AutoEncoderTopK', activation: { kind: 'topk', k: 2 } },
    ],
    ['told by tensors', standard, null, { architecture: 'AutoEncoder', subtractsDecoderBias: true }],
    [
      'tensors of another than configured',
      { ...layers, 'decoder.bias': decoderBias },
      { ...trainer, dict_class: 'AutoEncoder' },
      { architecture: 'AutoEncoderNew', subtractsDecoderBias: false },
    ],
    ['JumpReLU', jumprelu, null, { architecture: 'JumpReluAutoEncoder', activation: { kind: 'jumprelu' } }],
  ])('%s', async (_, items, configured, expected) => {
    const path = write(items, configured)
    const checkpoint = await readCheckpoint(configured === null ? join(path, 'ae.pt') : path)
    expect(checkpoint).toMatchObject({ ...expected, encoder: { matrix: { rows: n, columns: d } } })
  })

  it('reads a single file of two linear layers where it is asked to', async () => {
    const items = { ...layers, 'decoder.bias': decoderBias }
    const path = join(write(items, null, { name: 'DeepSeek-R1-l19.pt' }), 'DeepSeek-R1-l19.pt')
    await expectFailure(readCheckpoint(path), 'FORMAT_UNKNOWN', path)
    const found = await readCheckpoint(path, { format: 'dictionary-learning' })
    expect(found).toMatchObject({ architecture: 'AutoEncoderNew', hook: null, layer: null, model: null })
  })

  it('says that a threshold was never set, and does not fold it', async () => {
    const path = write({ ...batchTopK, threshold: tensor([], -1) }, trainer)
    const { activation, warnings } = await readCheckpoint(path)
    expect(activation.kind).toBe('relu')
    expect(warnings[0]).toContain('never set')
  })

  it.each<[string, Items, object | null, string, string[]]>([
    ['unknown class', standard, { dict_class: 'CrossCoder' }, 'ARCHITECTURE_UNKNOWN', ['config.json', 'CrossCoder']],
    ['no telling', batchTopK, {}, 'ARCHITECTURE_UNKNOWN', ['ae.pt', 'AutoEncoderTopK and BatchTopKSAE']],
    ['an unknown tensor', { ...batchTopK, W_skip: bias }, trainer, 'FORMAT_INVALID', ['ae.pt', 'W_skip']],
    [
      'a missing tensor',
      layers,
      { dict_class: 'AutoEncoder' },
      'TENSOR_MISSING',
      ['ae.pt: expected tensor bias', 'decoder.weight'],
    ],
    ['another size', batchTopK, { ...trainer, dict_size: 4 }, 'TENSOR_SHAPE', ['encoder.weight', '[4, 2]', '[3,2]']],
    [
      'a k too large',
      { ...batchTopK, k: tensor([], 4) },
      { dict_class: 'AutoEncoderTopK' },
      'FORMAT_INVALID',
      ['1 to 3', '4'],
    ],
    ['no tensors', { step: 3 }, null, 'ARCHITECTURE_UNKNOWN', ['ae.pt']],
  ])('%s is refused', async (_, items, configured, code, parts) => {
    const path = write(items, configured)
    await expectFailure(readCheckpoint(join(path, 'ae.pt')), code as 'FORMAT_INVALID', path, ...parts)
  })
})

describe('places', () => {
  it.each([
    [{ submodule_name: 'resid_post_layer_4' }, 'x', { hook: 'resid_post_layer_4', site: 'residual', layer: 4 }],
    [{ submodule_name: 'mlp_out_layer_5' }, 'x', { hook: 'mlp_out_layer_5', site: 'mlp-out', layer: 5 }],
    [{ submodule_name: 'attn_out_layer_5', layer: 6 }, 'x', { site: 'attention-out', layer: 6 }],
    [{}, 'resid_post_layer_12/trainer_0', { hook: 'resid_post_layer_12', site: 'residual', layer: 12 }],
    [{ layer: 3 }, 'x', { hook: null, site: 'unknown', layer: 3 }],
  ])('%o in %s', async (fields, below, expected) => {
    const path = write(standard, { ...fields, lm_name: 'org/model' }, { below: `places_${count++}/${below}` })
    expect(await readHeader(path)).toMatchObject({ ...expected, model: 'org/model', features: n, dimension: d })
  })

  it('finds the configuration of a state above its folder', async () => {
    const path = write(batchTopK, trainer, { name: 'checkpoints/ae_1000.pt' })
    const found = await readCheckpoint(join(path, 'checkpoints', 'ae_1000.pt'))
    expect(found).toMatchObject({ architecture: 'BatchTopKSAE', layer: 4, model: 'org/model' })
    expect(found.source.files.map((file) => file.path)).toEqual([
      join(path, 'config.json'),
      join(path, 'checkpoints', 'ae_1000.pt'),
    ])
  })
})

describe('backups of training', () => {
  const backup = { step: 10, ae: batchTopK, optimizer: { state: { 0: { exp_avg: bias } } }, config: trainer }

  it('scales biases and thresholds, not weights', async () => {
    const { encoder, activation, decoderBias } = await readCheckpoint(write({ ...backup, norm_factor: 2.5 }, trainer))
    expect([...encoder.matrix.data]).toEqual([1, 2, 3, 4, 5, 6])
    expect([...decoderBias.values]).toEqual([1.25, 0.625])
    expect(activation).toMatchObject({
      kind: 'jumprelu',
      bias: { values: Float64Array.of(2.5, 5, 7.5) },
      threshold: { values: Float64Array.of(1.25, 1.25, 1.25) },
    })
  })

  it.each([
    ['nothing', {}, 'found none'],
    ['null', { norm_factor: null }, 'found none'],
    ['zero', { norm_factor: 0 }, 'found 0'],
    ['a text', { norm_factor: 'one' }, 'found one'],
  ])('is refused with %s for the factor', async (_, factor, message) => {
    const path = write({ ...backup, ...factor }, trainer)
    await expectFailure(readCheckpoint(path), 'FORMAT_INVALID', path, 'norm_factor', message)
  })
})
