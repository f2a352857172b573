import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/formats/checkpoint.js'
import { readCheckpoint } from '../../src/formats/detect.js'
import { readRow } from '../../src/tensor/row.js'
import { watchAllocations } from '../helpers/allocations.js'
import { type TestTensor, writeSaeLens } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
let count = 0
const write = (config: object, tensors: Record<string, TestTensor>) =>
  writeSaeLens(join(folder, `sae-${count++}`), config, tensors)

const [n, d] = [3, 2]
const vector = (...values: number[]): TestTensor => ({ data: Float32Array.from(values), shape: [values.length] })
const W_enc: TestTensor = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [d, n] }
const W_dec: TestTensor = { data: Float32Array.of(7, 8, 9, 10, 11, 12), shape: [n, d] }
const b_dec = vector(0.5, 0.25)
const b_enc = vector(-1, -2, -3)
const threshold = vector(1, 2, 4)
const common = { W_enc, W_dec, b_dec, b_enc }
const metadata = { sae_lens_version: '6.5.0', hook_name: 'blocks.7.hook_resid_post', model_name: 'org/model' }
const v6 = { architecture: 'jumprelu', d_in: d, d_sae: n, metadata }
const v5 = { d_in: d, d_sae: n, hook_name: 'blocks.7.hook_resid_post', hook_layer: 7, model_name: 'org/model' }

const rows = (matrix: Checkpoint['encoder']['matrix']) =>
  Array.from({ length: matrix.rows }, (_, i) => [...readRow(matrix, i)])

describe('configurations', () => {
  const relu = { kind: 'relu' }
  const jumprelu = { kind: 'jumprelu', threshold: { values: Float64Array.of(1, 2, 4) } }
  const topk = { kind: 'topk', k: 2, byDecoderNorm: false }
  const where = { hook: 'blocks.7.hook_resid_post', layer: 7, site: 'residual', model: 'org/model' }
  const noThreshold = common
  const withThreshold = { ...common, threshold }
  const old = { activation_fn_str: 'relu', activation_fn_kwargs: {} }

  it.each<[string, object, Record<string, TestTensor>, object]>([
    ['6: jumprelu', v6, withThreshold, { ...where, activation: jumprelu, subtractsDecoderBias: true }],
    ['6: no subtraction', { ...v6, apply_b_dec_to_input: false }, withThreshold, { subtractsDecoderBias: false }],
    ['6: standard', { ...v6, architecture: 'standard' }, noThreshold, { ...where, activation: relu }],
    ['6: topk', { ...v6, architecture: 'topk', k: 2 }, noThreshold, { activation: topk }],
    [
      '6: topk by decoder norm',
      { ...v6, architecture: 'topk', k: 2, rescale_acts_by_decoder_norm: true },
      noThreshold,
      { activation: { ...topk, byDecoderNorm: true } },
    ],
    ['6: version at the top', { ...v6, metadata: undefined, ...v5, sae_lens_version: '6.0.0' }, withThreshold, where],
    ['before 6: standard by default', v5, noThreshold, { ...where, activation: relu, subtractsDecoderBias: true }],
    ['before 6: jumprelu', { ...v5, ...old, architecture: 'jumprelu' }, withThreshold, { activation: jumprelu }],
    [
      'before 6: a TopK that calls itself standard',
      { ...v5, architecture: 'standard', activation_fn_str: 'topk', activation_fn_kwargs: { k: 2 } },
      noThreshold,
      { architecture: 'standard', activation: topk },
    ],
    [
      'before 6: the oldest names',
      { ...v5, hook_name: undefined, hook_layer: undefined, hook_point: 'blocks.3.hook_mlp_out', hook_point_layer: 3 },
      noThreshold,
      { hook: 'blocks.3.hook_mlp_out', layer: 3, site: 'mlp-out' },
    ],
    [
      'before 6: one head',
      { ...v5, hook_name: 'blocks.7.attn.hook_q', hook_head_index: 4 },
      noThreshold,
      { hook: 'blocks.7.attn.hook_q[4]', layer: 7, site: 'unknown' },
    ],
    ['hook_z', { ...v5, hook_name: 'blocks.7.attn.hook_z' }, noThreshold, { site: 'hook-z' }],
    ['hook_z by reshaping', { ...v6, reshape_activations: 'hook_z' }, withThreshold, { site: 'hook-z' }],
    ['no hook', { d_in: d, d_sae: n }, noThreshold, { hook: null, layer: null, site: 'unknown', model: null }],
    ['no sizes', { architecture: 'jumprelu' }, withThreshold, { activation: jumprelu }],
    ['normalise: true', { ...v5, normalize_activations: true }, noThreshold, { inputNorm: 'none', inputScale: 1 }],
    ['normalise: false', { ...v5, normalize_activations: false }, noThreshold, { inputNorm: 'none', warnings: [] }],
    ['normalise: null', { ...v5, normalize_activations: null }, noThreshold, { inputNorm: 'none', warnings: [] }],
    ['normalise: layer_norm', { ...v5, normalize_activations: 'layer_norm' }, noThreshold, { inputNorm: 'layer-norm' }],
    [
      'normalise: constant_norm_rescale',
      { ...v6, normalize_activations: 'constant_norm_rescale' },
      withThreshold,
      { inputNorm: 'constant-norm' },
    ],
    [
      'a scale that is asked for',
      { ...v5, finetuning_scaling_factor: true },
      { ...noThreshold, scaling_factor: vector(1, 2, 3) },
      { featureScale: { values: Float64Array.of(1, 2, 3) } },
    ],
    ['a scale of ones', v5, { ...noThreshold, scaling_factor: vector(1, 1, 1) }, { featureScale: null }],
    ['sparsity is ignored', v6, { ...withThreshold, sparsity: vector(-1, -2, -3) }, { activation: jumprelu }],
    [
      'log_threshold',
      v6,
      { ...common, log_threshold: vector(0, 1, -1) },
      { activation: { kind: 'jumprelu', threshold: { values: Float64Array.of(1, Math.E, Math.exp(-1)) } } },
    ],
    ['thresholds that were never set', v6, { ...common, threshold: vector(-1, -1, -1) }, { activation: relu }],
    [
      'gated',
      { ...v6, architecture: 'gated' },
      { W_enc, W_dec, b_dec, b_gate: b_enc, b_mag: b_enc, r_mag: threshold },
      { activation: { kind: 'gated', logMagnitude: { name: 'r_mag', values: Float64Array.of(1, 2, 4) } } },
    ],
  ])('%s', async (_, config, tensors, expected) => {
    const checkpoint = await readCheckpoint(write(config, tensors))
    expect(checkpoint).toMatchObject({ source: { family: 'sae-lens' }, ...expected })
    expect(rows(checkpoint.encoder.matrix)).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect(rows(checkpoint.decoder.matrix)).toEqual([
      [7, 8],
      [9, 10],
      [11, 12],
    ])
  })

  it('warns of a factor that is not in the checkpoint, unless the caller knows it', async () => {
    const path = write({ ...v6, normalize_activations: 'expected_average_only_in' }, withThreshold)
    const warned = await readCheckpoint(path)
    expect(warned.warnings).toEqual([expect.stringContaining('activationScale')])
    const told = await readCheckpoint(path, { activationScale: 0.125 })
    expect(told).toMatchObject({ inputScale: 0.125, outputScale: 0.125, warnings: [] })
    await expect(readCheckpoint(path, { activationScale: -1 })).rejects.toThrow(/positive number for `activationScale`/)
  })
})

describe('orientation', () => {
  it('comes from shapes where the names lie', async () => {
    const transposed = { W_enc: { ...W_enc, shape: [n, d] }, W_dec: { ...W_dec, shape: [d, n] } }
    const { encoder, decoder } = await readCheckpoint(write(v6, { ...common, threshold, ...transposed }))
    expect(rows(encoder.matrix)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(rows(decoder.matrix)).toEqual([
      [7, 10],
      [8, 11],
      [9, 12],
    ])
  })

  it('is that of the format where n = d', async () => {
    const square = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }
    const tensors = { W_enc: square, W_dec: square, b_dec, b_enc: vector(1, 2) }
    const { encoder, decoder } = await readCheckpoint(write({ architecture: 'standard' }, tensors))
    expect(rows(encoder.matrix)).toEqual([
      [1, 3],
      [2, 4],
    ])
    expect(rows(decoder.matrix)).toEqual([
      [1, 2],
      [3, 4],
    ])
  })
})

describe('what cannot be read', () => {
  const all = { ...common, threshold }
  const { W_dec: _, ...withoutDecoder } = all
  const gated = { W_enc, W_dec, b_dec, b_gate: b_enc, b_mag: b_enc, r_mag: threshold }
  it.each([
    ['a missing matrix', v6, withoutDecoder, 'TENSOR_MISSING', ['tensor W_dec [3, 2] or [2, 3]', 'found W_enc b_dec']],
    ['a missing threshold', v6, common, 'TENSOR_MISSING', ['threshold']],
    ['an unexpected tensor', v6, { ...all, W_skip: W_dec }, 'FORMAT_INVALID', ['W_skip', 'expected only W_enc']],
    ['both thresholds', v6, { ...all, log_threshold: threshold }, 'FORMAT_INVALID', ['log_threshold']],
    ['a wrong length', v6, { ...all, b_enc: vector(1, 2) }, 'TENSOR_SHAPE', ['b_enc', 'expected [3], found [2]']],
    ['a wrong shape', v6, { ...all, W_enc: b_dec }, 'TENSOR_SHAPE', ['W_enc', '[3, 2] or [2, 3], found [2]']],
    ['another n', { ...v6, d_sae: 5 }, all, 'TENSOR_SHAPE', ['expected [5', 'found [']],
    ['another d', { ...v6, d_in: 9 }, all, 'TENSOR_SHAPE', ['9', 'found [']],
    ['an empty SAE', { architecture: 'standard' }, { b_enc: vector(), b_dec, W_enc, W_dec }, 'TENSOR_SHAPE', ['b_enc']],
    [
      'integers as weights',
      v6,
      { ...all, W_dec: { data: Int32Array.of(1, 2, 3, 4, 5, 6), shape: [n, d] } },
      'TENSOR_DTYPE',
      ['W_dec', 'found i32'],
    ],
    ['a scale nobody asks for', v6, { ...all, scaling_factor: vector(1, 2, 3) }, 'FORMAT_INVALID', ['scaling_factor']],
    ['an unknown architecture', { ...v6, architecture: 'vanilla' }, all, 'ARCHITECTURE_UNKNOWN', ['"vanilla"']],
    ['a name of JavaScript', { ...v6, architecture: 'constructor' }, all, 'ARCHITECTURE_UNKNOWN', ['"constructor"']],
    ['signed activations', { ...v6, architecture: 'abstopk', k: 2 }, all, 'ARCHITECTURE_UNKNOWN', ['negative sign']],
    [
      'a whitening whose matrix is not there',
      { ...v6, normalize_activations: 'covariance_whitening' },
      all,
      'ARCHITECTURE_UNKNOWN',
      ['the matrix that whitens is not in the checkpoint'],
    ],
    [
      'a skip transcoder without a skip',
      { ...v6, architecture: 'skip_transcoder' },
      common,
      'TENSOR_MISSING',
      ['W_skip'],
    ],
    [
      'a BatchTopK without a threshold',
      { ...v6, architecture: 'batchtopk' },
      common,
      'TENSOR_MISSING',
      ['topk_threshold'],
    ],
    ['an unknown activation', { ...v5, activation_fn_str: 'tanh-relu' }, common, 'ARCHITECTURE_UNKNOWN', ['tanh-relu']],
    ['a TopK without k', { ...v5, activation_fn_str: 'topk' }, common, 'FORMAT_INVALID', ['"k"']],
    ['a k above n', { ...v6, architecture: 'topk', k: 4 }, common, 'FORMAT_INVALID', ['"k" <= 3, found 4']],
    ['a fractional k', { ...v6, architecture: 'topk', k: 1.5 }, common, 'FORMAT_INVALID', ['"k"', '1.5']],
    ['an unknown norm', { ...v6, normalize_activations: 'batch' }, all, 'FORMAT_INVALID', ['normalize_activations']],
    ['a wrong kind of field', { ...v6, d_in: '2' }, all, 'FORMAT_INVALID', ['a number for "d_in", found "2"']],
    ['metadata that is a list', { ...v6, metadata: [] }, all, 'FORMAT_INVALID', ['an object for "metadata"']],
  ] as const)('%s', async (_, config, tensors, code, parts) => {
    const path = write(config, tensors)
    await expectFailure(readCheckpoint(path), code, path, ...parts)
  })

  it.each([
    ['a missing threshold', v6, common, 'TENSOR_MISSING'],
    ['a short bias of a gated SAE', { ...v6, architecture: 'gated' }, { ...gated, r_mag: vector(1) }, 'TENSOR_SHAPE'],
    ['a scale of another length', v6, { ...all, scaling_factor: vector(1) }, 'TENSOR_SHAPE'],
  ] as const)('%s, before anything is allocated', async (_, config, tensors, code) => {
    const path = write(config, tensors)
    const allocations: number[] = []
    const stop = watchAllocations((bytes) => allocations.push(bytes))
    try {
      await expectFailure(readCheckpoint(path), code, path)
    } finally {
      stop()
    }
    expect(allocations).toEqual([])
  })

  it('a configuration that is not JSON, or no object', async () => {
    const path = write(v6, all)
    for (const text of ['{', '[1]', '{"d_in": NaN}', '']) {
      writeFileSync(join(path, 'cfg.json'), text)
      await expectFailure(readCheckpoint(path), 'FORMAT_INVALID', join(path, 'cfg.json'))
    }
  })
})
