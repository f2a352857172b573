import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readNpy } from '../../src/formats/npy.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { watchAllocations } from '../helpers/allocations.js'
import { expectFailure } from '../helpers/errors.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { writeNumpyFiles } from '../helpers/numpy-files.js'
import { needsPython, python } from '../helpers/python.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

/** An npy file with any header text and any data. */
function writeNpy(name: string, text: string, data: Uint8Array = Buffer.alloc(0), version = 1): string {
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(text.length)
  else length.writeUInt32LE(text.length)
  const path = join(folder, name)
  writeFileSync(
    path,
    Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.of(version, 0), length, Buffer.from(text), data]),
  )
  return path
}

const twoFloats = Buffer.from(Float32Array.of(1.5, -2).buffer)

describe('readNpy', () => {
  it.skipIf(python === null)(`reads what numpy writes, bit for bit${needsPython}`, async () => {
    const arrays = writeNumpyFiles(folder)
    for (const { name, dtype, shape, values } of arrays) {
      const tensor = await readNpy(join(folder, `${name}.npy`))
      expect({ name, dtype: tensor.dtype, shape: tensor.shape }).toEqual({ name, dtype, shape })
      expect(toFloat64(tensor), name).toEqual(values)
    }
    expect(arrays.length).toBeGreaterThan(150)
  })

  it.each<[string, string, readonly number[], string, boolean, readonly number[], readonly number[]]>([
    ['Fortran order', '|i1', [2, 3], 'i8', true, [1, 2, 3, 4, 5, 6], [1, 3, 5, 2, 4, 6]],
    ['Fortran order of rank 3', '|u1', [2, 1, 2], 'u8', true, [1, 2, 3, 4], [1, 3, 2, 4]],
    ['i8', '|i1', [3], 'i8', false, [0x80, 0xff, 0x7f], [-128, -1, 127]],
    ['u8', '|u1', [2], 'u8', false, [0, 0xff], [0, 255]],
    ['bool', '|b1', [2], 'bool', false, [0, 1], [0, 1]],
    ['i16', '<i2', [2], 'i16', false, [0xfe, 0xff, 0x00, 0x01], [-2, 256]],
    ['u16', '<u2', [1], 'u16', false, [0xfe, 0xff], [65534]],
    ['i32', '<i4', [2], 'i32', false, [0xfd, 0xff, 0xff, 0xff, 0, 0, 1, 0], [-3, 65536]],
    ['u32', '<u4', [1], 'u32', false, [0xfd, 0xff, 0xff, 0xff], [4294967293]],
    ['i64', '<i8', [1], 'i64', false, [0xfc, ...new Array(7).fill(0xff)], [-4]],
    ['u64', '<u8', [1], 'u64', false, [0, 0, 0, 0, 1, 0, 0, 0], [2 ** 32]],
    ['f16', '<f2', [2], 'f16', false, [0x00, 0x3e, 0x00, 0xc0], [1.5, -2]],
    ['bf16', '|V2', [2], 'bf16', false, [0xc0, 0x3f, 0x00, 0xc0], [1.5, -2]],
    ['f64', '<f8', [1], 'f64', false, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
    ['a big-endian i16', '>i2', [2], 'i16', false, [0xff, 0xfe, 0x01, 0x00], [-2, 256]],
    ['a big-endian u32', '>u4', [1], 'u32', false, [0xff, 0xff, 0xff, 0xfd], [4294967293]],
    ['a big-endian i64', '>i8', [1], 'i64', false, [...new Array(7).fill(0xff), 0xfc], [-4]],
    ['a big-endian f16', '>f2', [1], 'f16', false, [0x3e, 0x00], [1.5]],
    ['a big-endian f32 in Fortran order', '>f4', [1, 2], 'f32', true, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], [1.5, -2]],
    ['a big-endian f64', '>f8', [1], 'f64', false, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], [1.5]],
    ['a scalar', '<i2', [], 'i16', false, [7, 0], [7]],
    ['nothing', '<f4', [0, 3], 'f32', false, [], []],
  ])('reads %s from bytes put together by hand', async (_, descr, shape, dtype, fortranOrder, data, values) => {
    const path = join(folder, 'by-hand.npy')
    writeFileSync(path, npyBytes(descr, shape, data, fortranOrder))
    const tensor = await readNpy(path)
    expect(tensor).toMatchObject({ dtype, shape })
    expect([...toFloat64(tensor)]).toEqual(values)
  })

  it('stops reading when told to', async () => {
    const path = join(folder, 'long.npy')
    writeFileSync(path, npyBytes('|u1', [1000], new Uint8Array(1000)))
    const controller = new AbortController()
    const reason = new Error('enough')
    const stop = watchAllocations(() => controller.abort(reason))
    try {
      await expect(readNpy(path, controller.signal)).rejects.toBe(reason)
    } finally {
      stop()
    }
  })

  it.each([
    ['keys in another order', `{"shape": (2,), 'fortran_order': False, 'descr': '<f4'}`, 1],
    ['integers of Python 2', `{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }`, 1],
    ['native byte order', `{'descr': '=f4', 'fortran_order': False, 'shape': (2,), }  \n`, 1],
    ['version 2', `{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}`, 2],
    ['version 3', `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}`, 3],
  ])('accepts %s', async (name, text, version) => {
    expect([...toFloat64(await readNpy(writeNpy(name, text, twoFloats, version)))]).toEqual([1.5, -2])
  })

  it.each([
    ['an unknown key', `{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': True}`],
    ['a missing key', `{'descr': '<f4', 'shape': (2,)}`],
    ['a key twice', `{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}`],
    ['no dictionary', `[1, 2]`],
    ['a record type', `{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}`],
    ['a negative length', `{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}`],
    ['a shape that is no tuple', `{'descr': '<f4', 'fortran_order': False, 'shape': 2}`],
    ['code', `{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'),)}`],
    ['something behind', `{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} {}`],
    ['numbers run together', `{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}`],
    ['an impossible shape', `{'descr': '<f4', 'fortran_order': False, 'shape': (${2 ** 40}, ${2 ** 40})}`],
    ['a shape beyond numbers', `{'descr': '<f4', 'fortran_order': False, 'shape': (0, ${'9'.repeat(400)})}`],
    ['numbers left over', `{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}`],
  ])('refuses %s', async (name, text) => {
    await expectFailure(readNpy(writeNpy(name, text, twoFloats)), 'FORMAT_INVALID', name)
  })

  it('reads byte strings as bytes, with one axis more', async () => {
    const path = join(folder, 'strings.npy')
    writeFileSync(path, npyBytes('|S3', [], Buffer.from('csr')))
    expect(await readNpy(path)).toMatchObject({ dtype: 'u8', shape: [3], data: Uint8Array.from(Buffer.from('csr')) })
    writeFileSync(path, npyBytes('|S2', [2], Buffer.from('abc\0')))
    expect(await readNpy(path)).toMatchObject({ dtype: 'u8', shape: [2, 2], strides: [2, 1] })
    writeFileSync(path, npyBytes('|S2', [2, 1], Buffer.from('abcd'), true))
    await expectFailure(readNpy(path), 'TENSOR_DTYPE', "'|S2'")
    writeFileSync(path, npyBytes('|S999999999999999999999', [2], []))
    await expectFailure(readNpy(path), 'FORMAT_INVALID', 'impossible shape')
  })

  it.each(['|O', '<c8', '<U4', '<f16', '|V4', 'f4', ''])('refuses the dtype %j', async (descr) => {
    const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (2,)}`
    await expectFailure(readNpy(writeNpy('dtype.npy', text, twoFloats)), 'TENSOR_DTYPE', 'dtype.npy', `'${descr}'`)
  })

  it('says how much of a truncated file is missing', async () => {
    const text = `{'descr': '<f8', 'fortran_order': False, 'shape': (1000, 1000)}`
    await expectFailure(
      readNpy(writeNpy('short.npy', text, twoFloats)),
      'FILE_TRUNCATED',
      'short.npy',
      '(1000, 1000) of f64 needs 8000000 bytes, found 8',
    )
  })

  it.each([
    ['a header longer than the file', Buffer.from('\x93NUMPY\x01\x00\xff\x0f{}', 'latin1'), 'FILE_TRUNCATED'],
    ['a header of 4 GB', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff{}', 'latin1'), 'FORMAT_INVALID'],
    ['version 9', Buffer.from('\x93NUMPY\x09\x00\x02\x00{}  ', 'latin1'), 'FORMAT_INVALID'],
    ['another kind of file', Buffer.from('PK\x03\x04 a zip archive'), 'FORMAT_INVALID'],
    ['an empty file', Buffer.alloc(0), 'FILE_TRUNCATED'],
  ] as const)('refuses %s', async (name, bytes, code) => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    await expectFailure(readNpy(path), code, path)
  })

  it('names a file that is not there, and a folder', async () => {
    await expectFailure(readNpy(join(folder, 'absent.npy')), 'FILE_NOT_FOUND', 'absent.npy')
    await expectFailure(readNpy(folder), 'FORMAT_INVALID', folder)
  })
})
