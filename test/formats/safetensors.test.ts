import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSafetensors } from '../../src/formats/safetensors.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { assemble, encodeSafetensors, type TestTensor } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { writeNumpyFiles } from '../helpers/numpy-files.js'
import { needsPython, python } from '../helpers/python.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

function write(bytes: Uint8Array): string {
  const path = join(folder, 'test.safetensors')
  writeFileSync(path, bytes)
  return path
}

const twoFloats = { data: Float32Array.of(1, 2) }

describe('openSafetensors', () => {
  it.skipIf(python === null)(`reads what the reference implementation writes, bit for bit${needsPython}`, async () => {
    const arrays = writeNumpyFiles(folder).filter(({ dtype }) => dtype !== 'bf16')
    const container = await openSafetensors(join(folder, 'arrays.safetensors'))
    expect(container.tensors.size).toBe(arrays.length)
    for (const { name, dtype, shape, values } of arrays) {
      expect(container.tensors.get(name), name).toMatchObject({ dtype, shape })
      expect(toFloat64(await container.read(name)), name).toEqual(values)
    }
    await container.close()
  })

  it('reads half floats, and names as they are', async () => {
    const tensors = Object.fromEntries<TestTensor>([
      ['__proto__', { data: Uint16Array.of(0x3f80, 0x4000), shape: [1, 2], dtype: 'BF16' }],
      ['constructor', { data: Uint16Array.of(0x3c00), shape: [], dtype: 'F16' }],
    ])
    const container = await openSafetensors(write(encodeSafetensors(tensors)))
    expect([...container.tensors.keys()]).toEqual(['__proto__', 'constructor'])
    expect([...toFloat64(await container.read('__proto__'))]).toEqual([1, 2])
    expect([...toFloat64(await container.read('constructor'))]).toEqual([1])
    await expectFailure(container.read('toString'), 'TENSOR_MISSING', 'test.safetensors', 'toString')
    await container.close()
  })

  const f32 = (shape: unknown, offsets: unknown) => ({ dtype: 'F32', shape, data_offsets: offsets })
  it.each([
    ['overlapping tensors', { a: f32([1], [0, 4]), b: f32([2], [0, 8]) }, 'FORMAT_INVALID', 'tensors a and b overlap'],
    ['a size that is not the shape', { a: f32([3], [0, 8]) }, 'FORMAT_INVALID', '[3] of f32 needs 12 bytes'],
    ['an absurd shape', { a: f32([2 ** 50, 2 ** 50], [0, 8]) }, 'FORMAT_INVALID', 'a'],
    ['offsets the wrong way round', { a: f32([2], [8, 0]) }, 'FORMAT_INVALID', 'a'],
    ['a negative offset', { a: f32([2], [-8, 0]) }, 'FORMAT_INVALID', 'a'],
    ['a fractional length', { a: f32([0.5], [0, 2]) }, 'FORMAT_INVALID', 'a'],
    ['three offsets', { a: f32([2], [0, 8, 8]) }, 'FORMAT_INVALID', 'a'],
    ['no offsets', { a: { dtype: 'F32', shape: [2] } }, 'FORMAT_INVALID', 'a'],
    ['rank 100', { a: f32(new Array(100).fill(1), [0, 4]) }, 'FORMAT_INVALID', 'a'],
    ['a tensor that is a string', { a: 'F32' }, 'FORMAT_INVALID', 'a'],
    ['an unknown type', { a: { dtype: 'F8_E4M3', shape: [8], data_offsets: [0, 8] } }, 'TENSOR_DTYPE', '"F8_E4M3"'],
    ['data that is cut short', { a: f32([3], [0, 12]) }, 'FILE_TRUNCATED', 'a should end at byte'],
    ['a header that is a list', [1, 2], 'FORMAT_INVALID', 'not a JSON object'],
  ] as const)('refuses %s', async (_, header, code, part) => {
    await expectFailure(openSafetensors(write(assemble(header, [twoFloats]))), code, 'test.safetensors', part)
  })

  it.each([
    ['a header length beyond the file', [200, 0, 0, 0, 0, 0, 0, 0], 'FILE_TRUNCATED'],
    ['a header length beyond reason', [0, 0, 0, 0, 0, 0, 0, 255], 'FORMAT_INVALID'],
    ['half a length', [1, 0, 0], 'FILE_TRUNCATED'],
    ['a header that is not JSON', [2, 0, 0, 0, 0, 0, 0, 0, 123, 123], 'FORMAT_INVALID'],
  ] as const)('refuses %s', async (_, bytes, code) => {
    await expectFailure(openSafetensors(write(Uint8Array.from(bytes))), code, 'test.safetensors')
  })

  it('reads beyond 4 GiB', async () => {
    const hole = 5 * 2 ** 30
    const header = { hole: { dtype: 'U8', shape: [hole], data_offsets: [0, hole] }, far: f32([2], [hole, hole + 8]) }
    const start = assemble(header, [])
    const path = join(folder, 'sparse.safetensors')
    const file = openSync(path, 'w')
    writeSync(file, start)
    ftruncateSync(file, start.length + hole)
    writeSync(file, new Uint8Array(twoFloats.data.buffer), 0, 8, start.length + hole)
    closeSync(file)
    const container = await openSafetensors(path)
    expect([...toFloat64(await container.read('far'))]).toEqual([1, 2])
    await container.close()
  })
})
