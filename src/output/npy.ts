/** Arrays this package writes. */
export type NpyArray = Int32Array | Float32Array | Float64Array | Uint8Array

/** The contents of a `.npy` file (format 1.0, C order, little-endian). `shape` defaults to one dimension. */
export function encodeNpy(array: NpyArray, shape: readonly number[] = [array.length]): Uint8Array {
  const size = shape.reduce((product, length) => product * length, 1)
  if (size !== array.length)
    throw new RangeError(`A shape of ${size} elements does not fit an array of ${array.length}`)
  const header = npyHeader(array, shape)
  const bytes = new Uint8Array(header.length + array.byteLength)
  bytes.set(header)
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), header.length)
  return bytes
}

/** What stands before the numbers of `array` in a `.npy` file. */
export function npyHeader(array: NpyArray, shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descriptor(array)}', 'fortran_order': False, 'shape': (${dimensions}), }`
  // magic, version and length take 10 bytes; numpy wants the data to start at a multiple of 64, after a line feed
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = new Uint8Array(length)
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(header.buffer).setUint16(8, length - 10, true)
  header.set(new TextEncoder().encode(`${text.padEnd(length - 11)}\n`), 10)
  return header
}

function descriptor(array: NpyArray): string {
  if (array instanceof Int32Array) return '<i4'
  if (array instanceof Float32Array) return '<f4'
  if (array instanceof Float64Array) return '<f8'
  return '|u1'
}
