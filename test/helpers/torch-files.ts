import { zipSync } from 'fflate'

/** Pieces of a pickle of protocol 2, for files that torch.save would not write. */
export const pickle = {
  text: (text: string) => Buffer.concat([Buffer.from('X'), uint32(Buffer.byteLength(text)), Buffer.from(text)]),
  integer: (value: number) => {
    const bytes = Buffer.alloc(10, 'J')
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      bytes.writeInt32LE(value, 1)
      return bytes.subarray(0, 5)
    }
    bytes.set([0x8a, 8])
    bytes.writeBigInt64LE(BigInt(value), 2)
    return bytes
  },
  float: (value: number) => {
    const bytes = Buffer.alloc(9, 'G')
    bytes.writeDoubleBE(value, 1)
    return bytes
  },
  tuple: (...items: readonly Uint8Array[]) => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]),
  dictionary: (items: Readonly<Record<string, Uint8Array>>) =>
    Buffer.concat([
      Buffer.from('}('),
      ...Object.entries(items).flatMap(([name, value]) => [pickle.text(name), value]),
      Buffer.from('u'),
    ]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  call: (callee: Uint8Array, ...args: readonly Uint8Array[]) =>
    Buffer.concat([callee, pickle.tuple(...args), Buffer.from('R')]),
  storage: (type: string, key: string, count: number) =>
    Buffer.concat([
      pickle.tuple(
        pickle.text('storage'),
        pickle.global('torch', type),
        pickle.text(key),
        pickle.text('cpu'),
        pickle.integer(count),
      ),
      Buffer.from('Q'),
    ]),
  tensor: (storage: Uint8Array, offset: number, shape: readonly number[], strides: readonly number[]) =>
    pickle.call(
      pickle.global('torch._utils', '_rebuild_tensor_v2'),
      storage,
      pickle.integer(offset),
      pickle.tuple(...shape.map(pickle.integer)),
      pickle.tuple(...strides.map(pickle.integer)),
      Buffer.from([0x89]),
      pickle.call(pickle.global('collections', 'OrderedDict')),
    ),
}

/** A file of torch.save around a pickle, and its storages by their keys. */
export function torchArchive(
  value: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  others: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const content = Buffer.concat([Buffer.from([0x80, 2]), value, Buffer.from('.')])
  const data = Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes])
  return zipSync({ 'archive/data.pkl': content, ...Object.fromEntries(data), ...others }, { level: 0 })
}

/** What {@link encodeTorch} writes: row-major f32 tensors, numbers, texts, `null`, and dictionaries of them. */
export type TorchItem =
  | { readonly data: Float32Array; readonly shape: readonly number[] }
  | number
  | string
  | null
  | { readonly [name: string]: TorchItem }

/** The file of torch.save. */
export function encodeTorch(items: { readonly [name: string]: TorchItem }): Uint8Array {
  const storages: Record<string, Uint8Array> = {}
  const encode = (item: TorchItem): Uint8Array => {
    if (item === null) return Buffer.from('N')
    if (typeof item === 'string') return pickle.text(item)
    if (typeof item === 'number') return Number.isInteger(item) ? pickle.integer(item) : pickle.float(item)
    if (!isTensor(item)) {
      return pickle.dictionary(Object.fromEntries(Object.entries(item).map(([name, value]) => [name, encode(value)])))
    }
    const { data, shape } = item
    const key = String(Object.keys(storages).length)
    storages[key] = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1))
    return pickle.tensor(pickle.storage('FloatStorage', key, data.length), 0, shape, strides)
  }
  return torchArchive(encode(items), storages)
}

function isTensor(item: object): item is { data: Float32Array; shape: readonly number[] } {
  return 'data' in item && item.data instanceof Float32Array
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
