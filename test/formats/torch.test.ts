import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { openSafetensors } from '../../src/formats/safetensors.js'
import { openTorch } from '../../src/formats/torch.js'
import { type Tensor, toFloat64 } from '../../src/tensor/tensor.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { encodeTorch, pickle, torchArchive } from '../helpers/torch-files.js'

interface Manifest {
  readonly read: readonly { readonly name: string; readonly values: Readonly<Record<string, unknown>> }[]
  readonly refused: readonly { readonly name: string; readonly message: string }[]
}

const here = fileURLToPath(new URL('torch', import.meta.url))
const manifest = JSON.parse(readFileSync(join(here, 'manifest.json'), 'utf8')) as Manifest
const folder = temporaryFolder()
const path = join(folder, 'test.pt')

function write(bytes: Uint8Array): string {
  writeFileSync(path, bytes)
  return path
}

async function readAll(file: string) {
  const container = await openTorch(file)
  try {
    const read = async (name: string) => [name, await container.read(name)] as const
    return { tensors: new Map(await Promise.all([...container.tensors.keys()].map(read))), values: container.values }
  } finally {
    await container.close()
  }
}

/** The patterns of the numbers in row-major order, which tell NaNs and zeros apart. */
function bits({ data, dtype, shape, strides }: Tensor): unknown {
  const count = shape.reduce((product, length) => product * length, 1)
  const elements = Array.from({ length: count }, (_, i) => {
    let rest = i
    let index = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += (rest % shape[axis]) * strides[axis]
      rest = Math.floor(rest / shape[axis])
    }
    const bytes = new Uint8Array(data.buffer, index * data.BYTES_PER_ELEMENT, data.BYTES_PER_ELEMENT)
    return Buffer.from(bytes).toString('hex')
  })
  return { dtype, shape, elements }
}

describe('files of torch.save', () => {
  it.each(manifest.read)('$name: every tensor bit for bit', async ({ name, values }) => {
    const own = await readAll(join(here, `${name}.pt`))
    const expected = await openSafetensors(join(here, `${name}.expected.safetensors`))
    expect([...own.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort())
    for (const [key, tensor] of own.tensors) {
      expect(bits(tensor), key).toEqual(bits(await expected.read(key)))
      expect(tensor.data.buffer).toBeInstanceOf(SharedArrayBuffer)
    }
    await expected.close()
    expect(Object.fromEntries(own.values)).toEqual(values)
  })

  it.each(manifest.refused)('$name is refused', async ({ name, message }) => {
    await expectFailure(openTorch(join(here, `${name}.pt`)), 'FORMAT_INVALID', name, message)
  })

  it('keeps transposed views as they are stored, and packs those with gaps', async () => {
    const { tensors } = await readAll(join(here, 'views.pt'))
    expect(tensors.get('base')).toMatchObject({ shape: [8, 6], strides: [6, 1] })
    expect(tensors.get('transposed')).toMatchObject({ shape: [6, 8], strides: [1, 6] })
    expect(tensors.get('permuted')).toMatchObject({ shape: [4, 2, 3], strides: [1, 12, 4] })
    expect(tensors.get('rows')).toMatchObject({ shape: [3, 6], strides: [6, 1], data: { length: 18 } })
    expect(tensors.get('columns')).toMatchObject({ shape: [8, 3], strides: [3, 1], data: { length: 24 } })
    expect(tensors.get('expanded')).toMatchObject({ shape: [10], data: { length: 10 } })
  })

  it('gives rows in batches, and refuses to where they do not lie one after the other', async () => {
    const container = await openTorch(join(here, 'views.pt'))
    const expected = await container.read('rows')
    const batches: Tensor[] = []
    for await (const batch of container.readRows('rows', 2)) batches.push(batch)
    expect(batches.map(({ shape }) => shape)).toEqual([
      [2, 6],
      [1, 6],
    ])
    expect(batches.flatMap((batch) => [...toFloat64(batch)])).toEqual([...toFloat64(expected)])
    const transposed = container.readRows('transposed', 2)[Symbol.asyncIterator]().next()
    await expectFailure(transposed, 'FORMAT_INVALID', 'views.pt', 'transposed', 'strides')
    await expectFailure(container.read('other'), 'TENSOR_MISSING', 'views.pt', 'other')
    await container.close()
  })
})

const ones = new Uint8Array(Float32Array.of(1, 1, 1, 1).buffer)
const storage = pickle.storage('FloatStorage', '0', 4)
const archiveOf = (shape: number[], strides: number[], offset = 0) =>
  torchArchive(pickle.dictionary({ w: pickle.tensor(storage, offset, shape, strides) }), { 0: ones })

describe('files that no torch wrote', () => {
  it('reads tensors of big-endian machines', async () => {
    const bytes = Buffer.from(Float32Array.of(1, -2.5).buffer).swap32()
    const tensor = pickle.tensor(pickle.storage('FloatStorage', '0', 2), 0, [2], [1])
    const file = (order: string) =>
      write(torchArchive(pickle.dictionary({ w: tensor }), { 0: bytes }, { 'archive/byteorder': Buffer.from(order) }))
    const container = await openTorch(file('big'))
    expect(toFloat64(await container.read('w'))).toEqual(Float64Array.of(1, -2.5))
    for await (const batch of container.readRows('w', 2)) expect(toFloat64(batch)).toEqual(Float64Array.of(1, -2.5))
    await container.close()
    await expectFailure(
      openTorch(file('middle')),
      'FORMAT_INVALID',
      path,
      'archive/byteorder: expected "little" or "big", found "middle"',
    )
  })

  it('reads deflated entries, under any folder', async () => {
    const data = new Uint8Array(Float32Array.from({ length: 24 }, (_, i) => i).buffer)
    const value = Buffer.concat([
      Buffer.from([0x80, 2]),
      pickle.tensor(pickle.storage('FloatStorage', 'k', 24), 5, [2, 3], [6, 2]),
      Buffer.from('.'),
    ])
    const zipped = zipSync({ 'my sae/data.pkl': value, 'my sae/data/k': data })
    const { tensors } = await readAll(write(zipped))
    expect([...tensors.keys()]).toEqual([''])
    expect([...toFloat64(tensors.get('')!)]).toEqual([5, 7, 9, 11, 13, 15])
  })

  it.each([
    ['beyond its storage', archiveOf([5], [1]), 'FORMAT_INVALID', ['tensor w', 'the 4 numbers', '[5]', 'from 0']],
    ['an offset beyond it', archiveOf([2], [1], 3), 'FORMAT_INVALID', ['tensor w', '[2]', 'from 3']],
    ['a stride beyond it', archiveOf([2, 2], [3, 1]), 'FORMAT_INVALID', ['tensor w', 'strides [3,1]']],
    ['an absurd shape', archiveOf([2 ** 52, 2 ** 52], [0, 0]), 'FORMAT_INVALID', ['tensor w', '4503599627370496']],
    ['numbers repeated without end', archiveOf([2 ** 21], [0]), 'FORMAT_INVALID', ['tensor w', '2097152']],
    ['a rank beyond numpy', archiveOf(Array(65).fill(1), Array(65).fill(1)), 'FORMAT_INVALID', ['64 dimensions']],
    ['a negative stride', archiveOf([2], [-1]), 'FORMAT_INVALID', ['data.pkl', 'strides']],
    ['strides of another rank', archiveOf([2], [1, 1]), 'FORMAT_INVALID', ['data.pkl', 'dimensions']],
    [
      'a storage that is not there',
      torchArchive(pickle.dictionary({ w: pickle.tensor(pickle.storage('FloatStorage', '9', 4), 0, [4], [1]) })),
      'FORMAT_INVALID',
      ['tensor w', 'data/9', 'none'],
    ],
    [
      'a storage too short',
      torchArchive(pickle.dictionary({ w: pickle.tensor(storage, 0, [4], [1]) }), { 0: ones.subarray(4) }),
      'FILE_TRUNCATED',
      ['tensor w', 'expected 16 bytes', 'archive/data/0', 'found 12'],
    ],
    [
      'a storage too long',
      torchArchive(pickle.dictionary({ w: pickle.tensor(storage, 0, [4], [1]) }), { 0: Buffer.concat([ones, ones]) }),
      'FORMAT_INVALID',
      ['tensor w', 'expected 16 bytes', 'found 32'],
    ],
    [
      'an import of code',
      torchArchive(pickle.call(pickle.global('os', 'system'), pickle.text('true'))),
      'FORMAT_INVALID',
      ['archive/data.pkl', 'import of os.system'],
    ],
    [
      'a name that only looks known',
      torchArchive(pickle.global('torch', '_utils._rebuild_tensor_v2')),
      'FORMAT_INVALID',
      ['archive/data.pkl', 'something else'],
    ],
    [
      'a storage type alone',
      torchArchive(pickle.global('torch', 'FloatStorage')),
      'FORMAT_INVALID',
      ['something else'],
    ],
    ['a storage alone', torchArchive(storage), 'FORMAT_INVALID', ['something else']],
    [
      'a call of what is no function',
      torchArchive(pickle.call(pickle.text('len'))),
      'FORMAT_INVALID',
      ['data.pkl', 'not imported'],
    ],
    ['an object', torchArchive(Buffer.from('cos\nsystem\n)\x81', 'latin1')), 'FORMAT_INVALID', ['import of os.system']],
    ['an opcode of another kind', torchArchive(Buffer.from('\x81', 'latin1')), 'FORMAT_INVALID', ['opcode 0x81']],
    ['no value', torchArchive(Buffer.from('')), 'FORMAT_INVALID', ['data.pkl: byte 3', 'not there']],
    ['a mark that is not there', torchArchive(Buffer.from('t')), 'FORMAT_INVALID', ['mark']],
    ['a memo that is not there', torchArchive(Buffer.from('h\x07')), 'FORMAT_INVALID', ['value 7']],
    [
      'an end within a text',
      torchArchive(Buffer.from('X\xff\xff\xff\x7f', 'latin1')),
      'FORMAT_INVALID',
      ['2147483647'],
    ],
    ['another state', torchArchive(Buffer.from('}]b')), 'FORMAT_INVALID', ['state']],
    ['items of a list', torchArchive(Buffer.from(']NNs')), 'FORMAT_INVALID', ['items']],
    ['two values of one name', torchArchive(nested('a.b')), 'FORMAT_INVALID', ['a.b', 'two']],
    ['deep nesting', torchArchive(Buffer.from(`${'('.repeat(1e5)}N${'t'.repeat(1e5)}`)), 'FORMAT_INVALID', ['16']],
    ['a list in itself', torchArchive(Buffer.from(']q\0h\0a')), 'FORMAT_INVALID', ['16 containers']],
    ['a dictionary in itself', torchArchive(Buffer.from('}q\0X\x01\0\0\0ah\0s')), 'FORMAT_INVALID', ['16 containers']],
    ['values without end', torchArchive(laughs(15)), 'FORMAT_INVALID', ['16384 values']],
    [
      'endless names',
      torchArchive(pickle.dictionary({ ['k'.repeat(300)]: Buffer.from('N') })),
      'FORMAT_INVALID',
      ['256'],
    ],
    ['a key that is no name', torchArchive(Buffer.from('})Ns')), 'FORMAT_INVALID', ['keys']],
    ['a pickle too long', torchArchive(Buffer.alloc(2 ** 20, 'N')), 'FORMAT_INVALID', ['data.pkl', '262144 bytes']],
    ['two pickles', torchArchive(Buffer.from('N'), {}, { 'b/data.pkl': ones }), 'FORMAT_INVALID', ['found 2']],
    ['no pickle', zipSync({ 'a.npy': ones }), 'FORMAT_INVALID', ['data.pkl', 'found 0']],
    [
      'TorchScript',
      torchArchive(Buffer.from('N'), {}, { 'archive/constants.pkl': ones }),
      'FORMAT_INVALID',
      ['TorchScript'],
    ],
    ['no file', Buffer.alloc(0), 'FILE_TRUNCATED', ['no bytes']],
    ['another file', Buffer.from('hello'), 'FORMAT_INVALID', ['something else']],
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1'), 'FORMAT_INVALID', ['Git LFS']],
    [
      'an archive cut short',
      encodeTorch({ w: { data: Float32Array.of(1, 2), shape: [2] } }).subarray(0, -30),
      'FILE_TRUNCATED',
      [],
    ],
  ] as const)('%s', async (_, bytes, code, parts) => {
    await expectFailure(readAll(write(bytes)), code, path, ...parts)
  })

  it('keeps shapes and strides as they were when they were checked', async () => {
    const file = write(torchArchive(changedLater(), { 0: ones }))
    const container = await openTorch(file)
    expect(container.tensors.get('w')).toMatchObject({ shape: [4], strides: [1] })
    expect([...toFloat64(await container.read('w'))]).toEqual([1, 1, 1, 1])
    await container.close()
  })

  it('names the entry whose numbers are damaged', async () => {
    const bytes = Buffer.from(archiveOf([2], [1]))
    // The tensor does not reach so far: the checksum is that of the whole entry.
    bytes[bytes.indexOf(ones) + 15] ^= 1
    await expectFailure(readAll(write(bytes)), 'FORMAT_INVALID', path, 'archive/data/0', 'damaged')
  })
})

/** `{'a.b': None, 'a': {'b': None}}` */
function nested(name: string): Buffer {
  const [outer, inner] = name.split('.')
  const none = Buffer.from('N')
  return pickle.dictionary({ [name]: none, [outer]: pickle.dictionary({ [inner]: none }) })
}

/** `shape, strides = [4], [1]; w = tensor(shape, strides); shape.append(-1); strides.append(0); {'w': w}` */
function changedLater(): Buffer {
  const list = (value: number, memo: number) =>
    Buffer.concat([Buffer.from([0x5d, 0x71, memo]), pickle.integer(value), Buffer.from('a')])
  const append = (value: number, memo: number) =>
    Buffer.concat([Buffer.from([0x68, memo]), pickle.integer(value), Buffer.from('a0')])
  const get = (memo: number) => Buffer.from([0x68, memo])
  const rebuild = pickle.global('torch._utils', '_rebuild_tensor_v2')
  const tensor = pickle.call(rebuild, storage, pickle.integer(0), list(4, 1), list(1, 2), Buffer.from([0x89]))
  const keep = Buffer.from([0x71, 3, 0x30])
  return Buffer.concat([tensor, keep, append(-1, 1), append(0, 2), pickle.dictionary({ w: get(3) })])
}

/** A tuple of twice the same tuple, and so on, `depth` times: 2^depth values. */
function laughs(depth: number): Buffer {
  return Buffer.from(`N${'q\0h\0\x86'.repeat(depth)}`, 'latin1')
}
