/** The bytes of an npy file put together by hand: any dtype, order of elements and data, version 1. */
export function npyBytes(
  descr: string,
  shape: readonly number[],
  data: Uint8Array | readonly number[],
  fortranOrder = false,
): Buffer {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': (${dimensions}), }\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(text.length)
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(text, 'latin1'),
    Uint8Array.from(data),
  ])
}
