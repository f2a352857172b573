/** The bytes with a few of them changed the way damage and malice change them, or cut short. */
export function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const result = Buffer.from(bytes)
  if (result.length < 8) return result.subarray(0, Math.floor(random() * result.length))
  const at = () => Math.floor(random() * result.length)
  for (let change = 0; change <= random() * 3; change++) {
    const kind = Math.floor(random() * 7)
    if (kind === 0) result[at()] = Math.floor(random() * 256)
    else if (kind === 1) result[at()] ^= 1 << Math.floor(random() * 8)
    else if (kind === 2) result.fill([0, 0xff, 0x7f, 0x39][Math.floor(random() * 4)], at(), at())
    else if (kind === 3) result.writeUInt16LE(Math.floor(random() * 65536), Math.min(at(), result.length - 2))
    else if (kind === 4) {
      result.writeBigUInt64LE(BigInt(Math.floor(random() * 2 ** 53)), Math.min(at(), result.length - 8))
    } else if (kind === 5) result.copyWithin(at(), at(), at())
    else return result.subarray(0, at())
  }
  return result
}
