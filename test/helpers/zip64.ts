import { crc32 } from 'node:zlib'

/** The parts of a stored zip archive of one entry that says everything in Zip64 fields, its data at any offset. */
export function zip64Archive(name: string, data: Uint8Array, offset: number) {
  const checksum = crc32(data)
  const local = record(
    30,
    [0x04034b50, 4],
    [45, 2],
    [0, 8],
    [checksum, 4],
    [data.length, 4],
    [data.length, 4],
    [name.length, 2],
  )
  const extra = Buffer.concat([record(4, [1, 2], [24, 2]), record(24, [data.length, 8], [data.length, 8], [offset, 8])])
  const central = Buffer.concat([
    record(
      46,
      ...([
        [0x02014b50, 4],
        [45, 2],
        [45, 2],
        [0, 8],
        [checksum, 4],
        [0xffffffff, 4],
        [0xffffffff, 4],
      ] as const),
      ...([
        [name.length, 2],
        [extra.length, 2],
        [0, 10],
        [0xffffffff, 4],
      ] as const),
    ),
    Buffer.from(name),
    extra,
  ])
  const centralOffset = offset + local.length + name.length + data.length
  const endOffset = centralOffset + central.length
  const end = Buffer.concat([
    record(
      56,
      ...([
        [0x06064b50, 4],
        [44, 8],
        [45, 2],
        [45, 2],
        [0, 8],
        [1, 8],
        [1, 8],
      ] as const),
      ...([
        [central.length, 8],
        [centralOffset, 8],
      ] as const),
    ),
    record(20, [0x07064b50, 4], [0, 4], [endOffset, 8], [1, 4]),
    record(22, [0x06054b50, 4], [0, 4], [0xffff, 2], [0xffff, 2], [0xffffffff, 4], [0xffffffff, 4]),
  ])
  return { start: Buffer.concat([local, Buffer.from(name), data]), directory: Buffer.concat([central, end]) }
}

/** `length` bytes that begin with little-endian fields of the given values and widths. */
function record(length: number, ...fields: readonly (readonly [value: number, width: number])[]): Buffer {
  const bytes = Buffer.alloc(length)
  let at = 0
  for (const [value, width] of fields) {
    if (width === 2) bytes.writeUInt16LE(value, at)
    else if (width === 4) bytes.writeUInt32LE(value, at)
    else if (width === 8) bytes.writeBigUInt64LE(BigInt(value), at)
    at += width
  }
  return bytes
}
