import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { getBackendSync } from '../../src/backend/select.js'
import { type ActivationSource, openActivations, tokenBatches } from '../../src/evaluation/activations.js'
import { encodeNpy } from '../../src/output/npy.js'
import { encodeNpz } from '../../src/output/npz.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const backend = getBackendSync('typescript')
const values = Float32Array.from({ length: 14 }, (_, i) => i / 4)
const file = (name: string, contents: Uint8Array) => {
  writeFileSync(join(folder, name), contents)
  return join(folder, name)
}
const npy = file('seven.npy', encodeNpy(values, [7, 2]))

async function collect(sources: readonly ActivationSource[], mask: Uint8Array | null, size: number) {
  const opened = await Promise.all(sources.map((source) => openActivations(source)))
  const found: { token: number; rows: number[][] }[] = []
  for await (const { tokens, rows, x } of tokenBatches(opened, mask, size, backend)) {
    tokens.forEach((token, t) => {
      found.push({ token, rows: x.map((matrix) => [...readRow(matrix, rows[t])]) })
    })
  }
  for (const source of opened) await source.close()
  return found
}

describe('openActivations', () => {
  it('finds the only matrix of a file of any kind', async () => {
    const others = { length: Int32Array.of(7) }
    const npz = file('seven.npz', encodeNpz({ x: { data: values, shape: [7, 2] }, ...others }))
    const safetensors = file('seven.safetensors', encodeSafetensors({ x: { data: values, shape: [7, 2] } }))
    for (const path of [npy, npz, safetensors]) {
      const found = await collect([path], null, 3)
      expect(found.flatMap(({ rows }) => rows[0])).toEqual([...values])
    }
  })

  it('chooses the file of a layer in a folder', async () => {
    const layers = join(folder, 'layers')
    mkdirSync(layers)
    writeFileSync(join(layers, 'layer_3.npy'), encodeNpy(values, [7, 2]))
    writeFileSync(join(layers, 'layer_31.npy'), encodeNpy(values, [2, 7]))
    const opened = await openActivations(layers, 3)
    expect(opened).toMatchObject({ tokens: 7, dimension: 2, name: join(layers, 'layer_3.npy') })
    await opened.close()
    await expectFailure(openActivations(layers, 4), 'FILE_NOT_FOUND', 'layer_4.npy', 'found none')
    await expectFailure(openActivations(layers, null), 'FILE_NOT_FOUND', 'does not say which layer')
    writeFileSync(join(layers, 'layer_3.npz'), encodeNpz({ x: { data: values, shape: [7, 2] } }))
    await expectFailure(openActivations(layers, 3), 'FORMAT_UNKNOWN', 'layer_3.npy, layer_3.npz')
  })

  it('refuses what are no activations', async () => {
    const integers = file('integers.npy', encodeNpy(Int32Array.from(values), [7, 2]))
    await expectFailure(openActivations(integers), 'TENSOR_DTYPE', integers, 'i32')
    await expectFailure(openActivations(file('flat.npy', encodeNpy(values))), 'TENSOR_SHAPE', '[14]')
    const two = { data: values, shape: [7, 2] }
    await expectFailure(openActivations(file('two.npz', encodeNpz({ x: two, y: two }))), 'TENSOR_MISSING', 'x, y')
    await expectFailure(openActivations(file('x.txt', values.slice(0) as never)), 'FORMAT_UNKNOWN', '.npy .npz')
    await expectFailure(openActivations(join(folder, 'none.npy')), 'FILE_NOT_FOUND', 'none.npy')
    await expectFailure(openActivations(7 as never), 'INVALID_ARGUMENT', 'a path or a matrix')
  })
})

describe('tokenBatches', () => {
  const memory = rowMajor(
    Float64Array.from(values, (value) => -value),
    'f64',
    7,
    2,
  )
  const mask = Uint8Array.of(0, 1, 1, 0, 0, 1, 0)

  it('gives the same tokens of all sources, whatever the size of batches', async () => {
    for (const size of [1, 2, 3, 7, 50]) {
      const found = await collect([npy, memory], null, size)
      expect(found.map(({ token }) => token)).toEqual([0, 1, 2, 3, 4, 5, 6])
      for (const { token, rows } of found) {
        const expected = [...values.subarray(2 * token, 2 * token + 2)]
        expect(rows).toEqual([expected, expected.map((value) => -value)])
      }
      expect((await collect([npy, memory], mask, size)).map(({ token }) => token)).toEqual([1, 2, 5])
    }
  })

  it('finds damage of an archive, if only at its end', async () => {
    const bytes = encodeNpz({ x: { data: values, shape: [7, 2] } })
    bytes[bytes.indexOf(0x0a) + 30] ^= 1
    await expectFailure(collect([file('damaged.npz', bytes)], null, 7), 'FORMAT_INVALID', 'checksum')
  })

  it('refuses files and masks of other lengths', async () => {
    const six = rowMajor(new Float32Array(12), 'f32', 6, 2)
    await expectFailure(collect([npy, six], null, 4), 'TENSOR_SHAPE', '7 tokens', 'found 6')
    await expectFailure(collect([npy], new Uint8Array(6), 4), 'TENSOR_SHAPE', 'mask', '7 tokens', 'found 6')
  })

  it('refuses a token that is not finite, unless it is left out', async () => {
    const broken = rowMajor(
      Float32Array.from(values, (value, i) => (i === 9 ? Infinity : value)),
      'f32',
      7,
      2,
    )
    await expectFailure(collect([npy, broken], null, 3), 'TENSOR_NOT_FINITE', 'activations', 'token 4')
    expect(await collect([npy, broken], mask, 3)).toHaveLength(3)
  })
})
