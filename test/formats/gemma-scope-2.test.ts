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
const [n, d] = [3, 2]
const config = {
  hf_hook_point_in: 'model.layers.17.output',
  hf_hook_point_out: 'model.layers.17.output',
  width: n,
  model_name: 'google/gemma-3-4b-pt',
  architecture: 'jump_relu',
  l0: 150,
  type: 'sae',
}
const tensors = {
  w_enc: tensor([d, n]),
  w_dec: tensor([n, d]),
  b_enc: tensor([n]),
  threshold: tensor([n]),
  b_dec: tensor([d]),
}
const hook = 'model.layers.{5,9,12}.output'
const crosscoder = { ...config, hf_hook_point_in: hook, hf_hook_point_out: hook, type: 'crosscoder', width: 3 * n }
/** [n, 3, d]: the decoder of output j is full of 10 j + 1, 10 j + 2, ... where `filled` says so, else of zeros. */
const decoders = (...filled: number[]) => {
  const numbers = Array.from({ length: n * 3 * d }, (_, at) => {
    const [i, j, k] = [Math.floor(at / (3 * d)), Math.floor(at / d) % 3, at % d]
    return filled.includes(j) ? 10 * j + i * d + k + 1 : 0
  })
  return tensor([n, 3, d], numbers)
}

const write = (files: Record<string, unknown>) => writeFolder(join(folder, `case-${count++}`), files)
const writeSae = (settings: object = config, stored: object = tensors) =>
  write({ 'config.json': settings, 'params.safetensors': stored })
const writeCrosscoder = (decoder: unknown) =>
  write({
    'config.json': crosscoder,
    'params_layer_0.safetensors': { ...tensors, w_dec: decoders(0, 1, 2) },
    'params_layer_1.safetensors': { ...tensors, w_dec: decoder },
    'params_layer_2.safetensors': { ...tensors, w_dec: decoders(2) },
  })

describe('gemma-scope-2', () => {
  it('is taken by its folder or by either file', async () => {
    const path = writeSae()
    for (const place of ['', 'config.json', 'params.safetensors']) {
      expect(await readCheckpoint(join(path, place))).toMatchObject({
        source: { family: 'gemma-scope-2' },
        layer: 17,
        site: 'residual',
        averageL0: 150,
        subtractsDecoderBias: false,
        inputScale: 1,
        warnings: [],
      })
    }
  })

  it('says that the width is not the one of the configuration', async () => {
    const { warnings } = await readCheckpoint(writeSae({ ...config, width: 16384 }))
    expect(warnings).toEqual([expect.stringContaining('16384')])
  })

  it.each([
    ['counted from the first layer on', decoders(1, 2), 11, 21],
    ['counted from the own layer on, zeros behind', decoders(0, 1), 1, 11],
    ['counted from the own layer on, no more', tensor([n, 2, d]), 1, 3],
    ['all filled', decoders(0, 1, 2), 11, 21],
  ])('finds the decoder of a layer: outputs %s', async (_, decoder, own, next) => {
    const path = join(writeCrosscoder(decoder), 'params_layer_1.safetensors')
    const first = async (place: string) => readRow((await readCheckpoint(place)).decoder.matrix, 0)[0]
    expect(await first(path)).toBe(own)
    expect(await first(`${path}#9`)).toBe(own)
    expect(await first(`${path}#12`)).toBe(next)
    expect(await readCheckpoint(`${path}#12`)).toMatchObject({
      layer: 12,
      hook: 'model.layers.9.output',
      site: 'crosscoder',
      outputSite: 'residual',
      decoderBias: { values: new Float64Array(d) },
      decoderOnly: null,
    })
  })

  it('refuses a layer that is not written to', async () => {
    const path = join(writeCrosscoder(decoders(1, 2)), 'params_layer_1.safetensors')
    await expectFailure(readCheckpoint(`${path}#5`), 'TENSOR_MISSING', path, 'write to layer 5')
    await expectFailure(readCheckpoint(`${path}#7`), 'TENSOR_MISSING', `${path}#7`, '5, 9, 12, found 7')
    const fewer = join(writeCrosscoder(tensor([n, 2, d])), 'params_layer_1.safetensors')
    await expectFailure(readHeader(`${fewer}#5`), 'TENSOR_MISSING', fewer)
    const sae = join(writeSae(), 'params.safetensors')
    await expectFailure(readHeader(`${sae}#17`), 'FILE_NOT_FOUND', `${sae}#17`)
  })

  it.each([
    ['from the first layer on', decoders(1, 2), 11, 21],
    ['from the own layer on', tensor([n, 2, d]), 1, 3],
  ])('needs no other file of a cross-layer transcoder: outputs %s', async (_, decoder, own, next) => {
    const place = (part: string) => `model.layers.{all}.${part}_feedforward_layernorm.output`
    const clt = { ...config, hf_hook_point_in: place('pre'), hf_hook_point_out: place('post'), type: 'clt' }
    const file = 'params_layer_1.safetensors'
    const path = join(write({ 'config.json': clt, [file]: { ...tensors, w_dec: decoder } }), file)
    const first = async (of: string) => readRow((await readCheckpoint(of)).decoder.matrix, 0)[0]
    expect([await first(path), await first(`${path}#2`)]).toEqual([own, next])
    expect(await readCheckpoint(`${path}#2`)).toMatchObject({ layer: 2, site: 'transcoder', outputSite: 'mlp-out' })
    await expectFailure(readCheckpoint(`${path}#0`), 'TENSOR_MISSING', path, 'write to layer 0')
  })

  it('is one SAE a file where a folder has several', async () => {
    const path = writeCrosscoder(decoders(1, 2))
    const found = await discoverSaes([path])
    expect(found.map(({ path: own, layer }) => [own.slice(path.length + 1), layer])).toEqual([
      ['params_layer_0.safetensors', 5],
      ['params_layer_1.safetensors', 9],
      ['params_layer_2.safetensors', 12],
    ])
    const [slice] = await discoverSaes([join(path, 'params_layer_0.safetensors#12')])
    expect(slice).toMatchObject({ layer: 12, error: null })
  })

  it.each([
    ['another architecture', { ...config, architecture: 'topk' }, tensors, 'ARCHITECTURE_UNKNOWN', ['"topk"']],
    ['another type', { ...config, type: 'lorsa' }, tensors, 'ARCHITECTURE_UNKNOWN', ['"lorsa"']],
    ['no hook', { ...config, hf_hook_point_in: undefined }, tensors, 'FORMAT_INVALID', ['hf_hook_point_in']],
    ['an unknown tensor', config, { ...tensors, w_skip: tensor([d]) }, 'FORMAT_INVALID', ['w_skip']],
    ['a wrong length', config, { ...tensors, threshold: tensor([2]) }, 'TENSOR_SHAPE', ['threshold', '[3], found [2]']],
    [
      'a skip of another size',
      config,
      { ...tensors, affine_skip_connection: tensor([d, 3]) },
      'TENSOR_SHAPE',
      ['affine_skip_connection'],
    ],
  ] as const)('refuses %s', async (_, settings, stored, code, parts) => {
    const path = writeSae(settings, stored)
    await expectFailure(readCheckpoint(path), code, path, ...parts)
  })

  it('refuses files of layers whose configuration names none, and decoders for another number of them', async () => {
    const files = { 'params_layer_0.safetensors': { ...tensors, w_dec: decoders(0) } }
    const none = join(write({ 'config.json': config, ...files }), 'params_layer_0.safetensors')
    await expectFailure(readCheckpoint(none), 'FORMAT_INVALID', 'layers in braces')
    const many = { 'params_layer_0.safetensors': { ...tensors, w_dec: tensor([n, 4, d]) } }
    const path = join(write({ 'config.json': crosscoder, ...many }), 'params_layer_0.safetensors')
    await expectFailure(readCheckpoint(path), 'TENSOR_SHAPE', 'expected 3', 'found 4')
  })
})
