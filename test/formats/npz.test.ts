import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, it, vi } from 'vitest'
import { openNpz } from '../../src/formats/npz.js'
import { encodeNpy } from '../../src/output/npy.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { watchAllocations } from '../helpers/allocations.js'
import { expectFailure } from '../helpers/errors.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { writeNumpyFiles } from '../helpers/numpy-files.js'
import { needsPython, python } from '../helpers/python.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { zip64Archive } from '../helpers/zip64.js'

/** How many inflaters there are now, and how many there were at most at the same time. */
const inflaters = vi.hoisted(() => ({ now: 0, most: 0 }))
vi.mock('node:zlib', async (importOriginal) => {
  const zlib = await importOriginal<typeof import('node:zlib')>()
  const createInflateRaw: typeof zlib.createInflateRaw = (options) => {
    inflaters.most = Math.max(inflaters.most, ++inflaters.now)
    return zlib.createInflateRaw(options).once('close', () => inflaters.now--)
  }
  return { ...zlib, createInflateRaw }
})

const folder = temporaryFolder()
const path = join(folder, 'test.npz')
const sines = encodeNpy(Float64Array.from({ length: 999 }, (_, i) => Math.sin(i)))
const zeros = encodeNpy(new Float32Array(4096))

function write(bytes: Uint8Array): string {
  writeFileSync(path, bytes)
  return path
}

async function readAll(file: string): Promise<void> {
  const container = await openNpz(file)
  try {
    for (const name of container.tensors.keys()) await container.read(name)
  } finally {
    await container.close()
  }
}

/** The archive with one field of the first entry of its directory changed. */
function changed(archive: Uint8Array, offset: number, value: number): Buffer {
  const bytes = Buffer.from(archive)
  bytes.writeUInt32LE(value, bytes.indexOf('PK\x01\x02', 0, 'latin1') + offset)
  return bytes
}

describe('openNpz', () => {
  it.skipIf(python === null).each(['stored', 'deflated'])(
    `reads a %s archive of numpy, bit for bit${needsPython}`,
    async (kind) => {
      const arrays = writeNumpyFiles(folder)
      const container = await openNpz(join(folder, `${kind}.npz`))
      expect(container.tensors.size).toBe(arrays.length)
      for (const { name, dtype, shape, values } of arrays) {
        expect(container.tensors.get(name), name).toEqual({ dtype, shape })
        expect(toFloat64(await container.read(name)), name).toEqual(values)
      }
      await container.close()
    },
  )

  it('inflates arrays of many chunks, and ignores what is no array', async () => {
    const numbers = Float64Array.from({ length: 300_000 }, (_, i) => Math.sin(i))
    const archive = zipSync({ 'W.npy': encodeNpy(numbers, [300, 1000]), 'notes.txt': Buffer.from('hello') })
    const container = await openNpz(write(archive))
    expect([...container.tensors.keys()]).toEqual(['W'])
    const tensor = await container.read('W')
    expect(tensor.data.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(toFloat64(tensor)).toEqual(numbers)
    await expectFailure(container.read('notes.txt'), 'TENSOR_MISSING', path, 'notes.txt')
    await container.close()
  })

  it.each([
    ['stored', 0],
    ['deflated', 6],
  ] as const)('reads big-endian integers and Fortran order from a %s archive made by hand', async (_, level) => {
    const archive = zipSync(
      {
        'big.npy': npyBytes('>i2', [2], [0xff, 0xfe, 0x01, 0x00]),
        'fortran.npy': npyBytes('|i1', [2, 3], [1, 2, 3, 4, 5, 6], true),
      },
      { level },
    )
    const container = await openNpz(write(archive))
    expect([...toFloat64(await container.read('big'))]).toEqual([-2, 256])
    expect([...toFloat64(await container.read('fortran'))]).toEqual([1, 3, 5, 2, 4, 6])
    await container.close()
  })

  it('opens deflated entries one after the other', async () => {
    inflaters.most = inflaters.now
    const names = Array.from({ length: 40 }, (_, i) => `${i}.npy`)
    const container = await openNpz(write(zipSync(Object.fromEntries(names.map((name) => [name, zeros])))))
    expect(container.tensors.size).toBe(40)
    expect(inflaters.most).toBe(1)
    await container.close()
  })

  it('refuses more entries than any checkpoint has', async () => {
    const names = Array.from({ length: 1025 }, (_, i) => `${i}.npy`)
    const archive = zipSync(Object.fromEntries(names.map((name) => [name, zeros])), { level: 0 })
    await expectFailure(openNpz(write(archive)), 'FORMAT_INVALID', path, 'more than 1024 entries')
  })

  it.each([
    ['stored', 0],
    ['deflated', 6],
  ] as const)('stops reading a %s entry when told to', async (_, level) => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const container = await openNpz(write(zipSync({ 'a.npy': sines }, { level })), controller.signal)
    const stop = watchAllocations(() => controller.abort(reason))
    try {
      await expect(container.read('a')).rejects.toBe(reason)
    } finally {
      stop()
      await container.close()
    }
  })

  it('reads Zip64 entries beyond 4 GiB', async () => {
    const offset = 5 * 2 ** 30
    const { start, directory } = zip64Archive('far.npy', encodeNpy(Float32Array.of(3, 4)), offset)
    const file = openSync(join(folder, 'sparse.npz'), 'w')
    writeSync(file, 'PK')
    writeSync(file, start, 0, start.length, offset)
    writeSync(file, directory, 0, directory.length, offset + start.length)
    closeSync(file)
    const container = await openNpz(join(folder, 'sparse.npz'))
    expect([...toFloat64(await container.read('far'))]).toEqual([3, 4])
    await container.close()
  })

  it('survives a Zip64 directory at an impossible position', async () => {
    const { start, directory } = zip64Archive('a.npy', zeros, 0)
    const end = directory.indexOf('PK\x06\x07', 0, 'latin1') + 8
    for (const position of [2n ** 63n, 2n ** 53n, 2n ** 32n, 1n]) {
      directory.writeBigUInt64LE(position, end)
      await expectFailure(openNpz(write(Buffer.concat([start, directory]))), 'FORMAT_INVALID', path)
    }
  })

  const deflated = zipSync({ 'a.npy': zeros })
  const stored = zipSync({ 'a.npy': zeros }, { level: 0 })
  it.each([
    ['a size deflate cannot reach', changed(deflated, 24, 2 ** 31), 'FORMAT_INVALID', 'more than deflate can'],
    ['a stored entry of two sizes', changed(stored, 24, 2 ** 31), 'FORMAT_INVALID', 'mismatch'],
    ['an entry beyond the end', changed(stored, 42, 2 ** 31), 'FILE_TRUNCATED', 'expected 30 bytes'],
    ['an entry without a local header', changed(stored, 42, 5), 'FORMAT_INVALID', 'no local header at byte 5'],
    ['an unknown method', changed(stored, 8, 14 << 16), 'FORMAT_INVALID', 'method 14'],
    ['an encrypted entry', changed(deflated, 8, 1 | (8 << 16)), 'FORMAT_INVALID', 'encrypted'],
    [
      'an archive without its end',
      stored.subarray(0, stored.length - 30),
      'FILE_TRUNCATED',
      'End of central directory',
    ],
    ['another kind of file', encodeNpy(Float32Array.of(1)), 'FORMAT_INVALID', 'not a zip archive'],
    ['an empty file', Buffer.alloc(0), 'FORMAT_INVALID', 'not a zip archive'],
    [
      'an entry that is no npy array',
      zipSync({ 'a.npy': Buffer.from('not an array') }),
      'FORMAT_INVALID',
      'a: not an npy',
    ],
    ['a name that leaves the folder', zipSync({ '../a.npy': zeros }), 'FORMAT_INVALID', '../a.npy'],
  ] as const)('refuses %s', async (_, bytes, code, part) => {
    await expectFailure(openNpz(write(bytes)), code, path, part)
  })

  it('refuses two entries of one name', async () => {
    const archive = Buffer.from(zipSync({ 'a.npy': zeros, 'b.npy': zeros }, { level: 0 }))
    archive.write('a', archive.lastIndexOf('b.npy'))
    await expectFailure(openNpz(write(archive)), 'FORMAT_INVALID', 'two entries are named a.npy')
  })

  /** Inflating stops at the declared size and says so if there is more. */
  it.each([
    ['more', encodeNpy(new Float32Array(4000)), 'inflates to more than'],
    ['less', encodeNpy(new Float32Array(4200)), 'inflates to 16512 bytes, not to the'],
  ])('refuses an entry that inflates to %s than it declares', async (_, declared, part) => {
    // The header inside says as much as the directory; only the stream differs.
    const lying = Buffer.concat([declared.subarray(0, 128), zeros.subarray(128)])
    const path = write(changed(zipSync({ 'a.npy': lying }), 24, declared.length))
    await expectFailure(readAll(path), 'FORMAT_INVALID', path, part)
  })

  it.each([
    ['stored', zipSync({ 'a.npy': sines }, { level: 0 })],
    ['deflated', zipSync({ 'a.npy': sines })],
  ])('notices damage in a %s entry', async (_, archive) => {
    const bytes = Buffer.from(archive)
    bytes[5000] ^= 1
    await expectFailure(readAll(write(bytes)), 'FORMAT_INVALID', path, 'a.npy')
  })
})
