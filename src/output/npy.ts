/** Arrays this package writes: little-endian, one or no dimension. */
export type NpyArray = Int32Array | Float32Array | Float64Array | Uint8Array

/** The contents of a `.npy` file (format 1.0, C order, little-endian). `shape` defaults to one dimension. */
export function encodeNpy(array: NpyArray, shape: readonly number[] = [array.length]): Uint8Array {
  const size = shape.reduce((product, length) => product * length, 1)
  if (size !== array.length)
    throw new RangeError(`A shape of ${size} elements does not fit an array of ${array.length}`)
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descriptor(array)}', 'fortran_order': False, 'shape': (${dimensions}), }`
  // magic, version and length take 10 bytes; numpy wants the data to start at a multiple of 64, after a line feed
  const headerLength = Math.ceil((10 + text.length + 1) / 64) * 64
  const bytes = new Uint8Array(headerLength + array.byteLength)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(bytes.buffer).setUint16(8, headerLength - 10, true)
  bytes.set(new TextEncoder().encode(`${text.padEnd(headerLength - 11)}\n`), 10)
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), headerLength)
  return bytes
}

function descriptor(array: NpyArray): string {
  if (array instanceof Int32Array) return '<i4'
  if (array instanceof Float32Array) return '<f4'
  if (array instanceof Float64Array) return '<f8'
  return '|u1'
}
