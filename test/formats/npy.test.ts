import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readNpy } from '../../src/formats/npy.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { expectFailure } from '../helpers/errors.js'
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
