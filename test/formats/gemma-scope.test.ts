import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { parsePath } from '../../src/formats/gemma-scope.js'
import { encodeNpz, type NpzEntries } from '../../src/output/npz.js'
import { readRow } from '../../src/tensor/row.js'
import { watchAllocations } from '../helpers/allocations.js'
import { expectFailure } from '../helpers/errors.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const [n, d] = [3, 2]
const W_enc = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [d, n] }
const W_dec = { data: Float32Array.of(7, 8, 9, 10, 11, 12), shape: [n, d] }
const arrays = {
  W_enc,
  W_dec,
  b_enc: Float32Array.of(1, 2, 3),
  b_dec: Float32Array.of(4, 5),
  threshold: Float32Array.of(1, 2, 3),
}

function write(place: string, entries: NpzEntries): string {
  const path = join(folder, place, 'params.npz')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, encodeNpz(entries))
  return path
}

describe('paths', () => {
  it.each([
    [
      'google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz',
      {
        model: 'google/gemma-2-2b',
        hook: 'blocks.20.hook_resid_post',
        site: 'residual',
        layer: 20,
        averageL0: 71,
        width: 16384,
      },
    ],
    [
      'models--google--gemma-scope-9b-it-res/snapshots/0123/layer_9/width_131k/average_l0_22/params.npz',
      {
        model: 'google/gemma-2-9b-it',
        hook: 'blocks.9.hook_resid_post',
        site: 'residual',
        layer: 9,
        averageL0: 22,
        width: 131072,
      },
    ],
    [
      'gemma-scope-9b-pt-mlp/layer_3/width_1m/canonical/params.npz',
      {
        model: 'google/gemma-2-9b',
        hook: 'blocks.3.hook_mlp_out',
        site: 'mlp-out',
        layer: 3,
        averageL0: null,
        width: 1048576,
      },
    ],
    [
      'gemma-scope-2b-pt-att/layer_0/width_65k/average_l0_5/params.npz',
      {
        model: 'google/gemma-2-2b',
        hook: 'blocks.0.attn.hook_z',
        site: 'hook-z',
        layer: 0,
        averageL0: 5,
        width: 65536,
      },
    ],
    [
      'gemma-scope-2b-pt-transcoders/layer_4/width_16k/average_l0_11/params.npz',
      {
        model: 'google/gemma-2-2b',
        hook: 'blocks.4.ln2.hook_normalized',
        site: 'transcoder',
        layer: 4,
        averageL0: 11,
        width: 16384,
      },
    ],
    [
      'gemma-scope-2b-pt-res/embedding/width_4k/average_l0_44/params.npz',
      { model: 'google/gemma-2-2b', hook: 'hook_embed', site: 'embedding', layer: 0, averageL0: 44, width: 4096 },
    ],
    ['layer_12/params.npz', { model: null, hook: null, site: 'unknown', layer: 12, averageL0: null, width: null }],
  ])('%s', (path, expected) => {
    expect(parsePath(join('/models', path))).toEqual(expected)
  })
})

describe('checkpoints', () => {
  it.each([
    ['the usual names', arrays],
    [
      'lower case',
      { w_enc: W_enc, w_dec: W_dec, b_enc: arrays.b_enc, b_dec: arrays.b_dec, threshold: arrays.threshold },
    ],
    ['short names', { w_e: W_enc, wdec: W_dec, benc: arrays.b_enc, b_d: arrays.b_dec, Threshold: arrays.threshold }],
    ['a scale of ones', { ...arrays, scaling_factor: Float32Array.of(1, 1, 1) }],
  ])('with %s', async (name, entries) => {
    const path = write(name, entries)
    for (const place of [path, dirname(path)]) {
      const checkpoint = await readCheckpoint(place)
      expect(checkpoint).toMatchObject({
        source: { family: 'gemma-scope', path: place, files: [{ path }] },
        architecture: 'jumprelu',
        activation: { kind: 'jumprelu', threshold: { values: Float64Array.of(1, 2, 3) } },
        subtractsDecoderBias: false,
        featureScale: null,
        inputScale: 1,
      })
      expect([...readRow(checkpoint.encoder.matrix, 1)]).toEqual([2, 5])
      expect([...readRow(checkpoint.decoder.matrix, 1)]).toEqual([9, 10])
    }
  })

  it('undoes the scale of the embedding SAEs', async () => {
    const checkpoint = await readCheckpoint(write('embedding/width_4k/average_l0_6', arrays))
    expect(checkpoint).toMatchObject({ inputScale: 1 / Math.sqrt(d), outputScale: 1 / Math.sqrt(d), site: 'embedding' })
    expect(checkpoint.warnings).toEqual([expect.stringContaining('4096 features')])
  })

  it('that are square are [d, n] and [n, d]', async () => {
    const square = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }
    const two = Float32Array.of(1, 2)
    const path = write('square', { W_enc: square, W_dec: square, b_enc: two, b_dec: two, threshold: two })
    const { encoder, decoder } = await readCheckpoint(path)
    expect([...readRow(encoder.matrix, 0)]).toEqual([1, 3])
    expect([...readRow(decoder.matrix, 0)]).toEqual([1, 2])
  })

  const { threshold: _, ...withoutThreshold } = arrays
  it.each([
    ['no threshold', withoutThreshold, 'TENSOR_MISSING', 'tensor threshold [3]'],
    ['a scale', { ...arrays, scaling_factor: Float32Array.of(1, 2, 1) }, 'FORMAT_INVALID', 'scaling_factor'],
    ['one tensor twice', { ...arrays, w_enc: W_enc }, 'FORMAT_INVALID', 'expected one W_enc, found W_enc w_enc'],
    ['an unknown tensor', { ...arrays, W_skip: W_enc }, 'FORMAT_INVALID', 'W_skip'],
    [
      'a wrong shape',
      { ...arrays, W_dec: { ...W_dec, shape: [6] } },
      'TENSOR_SHAPE',
      'W_dec: expected [3, 2] or [2, 3], found [6]',
    ],
    [
      'a wrong length',
      { ...arrays, threshold: Float32Array.of(1) },
      'TENSOR_SHAPE',
      'threshold: expected [3], found [1]',
    ],
    ['a scalar bias', { ...arrays, b_enc: { data: Float32Array.of(1), shape: [] } }, 'TENSOR_SHAPE', 'b_enc'],
  ] as const)('with %s are refused', async (name, entries, code, part) => {
    const path = write(`refused/${name}`, entries)
    await expectFailure(readCheckpoint(path), code, path, part)
  })

  it('that lack a tensor are refused before any other is allocated', async () => {
    const path = write('refused/late', withoutThreshold)
    const allocations: number[] = []
    const stop = watchAllocations((bytes) => allocations.push(bytes))
    try {
      await expectFailure(readCheckpoint(path), 'TENSOR_MISSING', 'threshold')
    } finally {
      stop()
    }
    expect(allocations).toEqual([])
  })

  it('that are no zip archive are refused', async () => {
    const path = join(folder, 'other.npz')
    writeFileSync(path, 'text')
    await expectFailure(readCheckpoint(path), 'FORMAT_INVALID', path)
    writeFileSync(path, zipSync({}))
    await expectFailure(readCheckpoint(path), 'TENSOR_MISSING', path, 'found no tensors')
  })
})

describe.skipIf(sharedData === null)(`real data${needsSharedData}`, () => {
  const data = sharedData ?? ''
  it('is the SAE of jumprelu-4096/layer_12 before it was rounded to f16', async () => {
    const exact = await readCheckpoint(join(data, 'gemma-scope-layout/layer_12/width_4k/average_l0_38'))
    const rounded = await readCheckpoint(join(data, 'jumprelu-4096/layer_12'))
    expect(exact).toMatchObject({ layer: 12, averageL0: 38, warnings: [], activation: { kind: 'jumprelu' } })
    expect(rounded).toMatchObject({ layer: 12, site: 'residual', warnings: [], activation: { kind: 'jumprelu' } })
    const halfUlp = (value: number) => Math.max(Math.abs(value) * 2 ** -11, 2 ** -25)
    let compared = 0
    let wrong = 0
    const compare = (a: Float64Array, b: Float64Array) =>
      a.forEach((value, k) => {
        compared++
        if (!(Math.abs(value - b[k]) <= halfUlp(value))) wrong++
      })
    for (const name of ['encoder', 'decoder'] as const) {
      expect(rounded[name].matrix).toMatchObject({ rows: 4096, columns: 576, dtype: 'f16' })
      expect(exact[name].matrix).toMatchObject({ rows: 4096, columns: 576, dtype: 'f32' })
      for (let i = 0; i < 4096; i++) compare(readRow(exact[name].matrix, i), readRow(rounded[name].matrix, i))
    }
    compare(exact.decoderBias.values, rounded.decoderBias.values)
    if (exact.activation.kind !== 'jumprelu' || rounded.activation.kind !== 'jumprelu') throw new Error('not JumpReLU')
    compare(exact.activation.bias.values, rounded.activation.bias.values)
    compare(exact.activation.threshold.values, rounded.activation.threshold.values)
    expect({ compared, wrong }).toEqual({ compared: 2 * 4096 * 576 + 576 + 2 * 4096, wrong: 0 })
  })
})
