let table: Float32Array | null = null

/** The value of every f16 bit pattern, 65,536 entries, made on first use. Exact: f16 is a subset of f32. */
export function f16Table(): Float32Array {
  if (table === null) {
    table = new Float32Array(65_536)
    for (let bits = 0; bits < 65_536; bits++) table[bits] = decodeF16(bits)
  }
  return table
}

/** The value of an f16 bit pattern (IEEE 754 binary16), exact. */
export function f16ToNumber(bits: number): number {
  return f16Table()[bits]
}

const word = new Uint32Array(1)
const wordAsFloat = new Float32Array(word.buffer)

/** The value of a bf16 bit pattern (the upper half of an f32), exact. */
export function bf16ToNumber(bits: number): number {
  word[0] = bits << 16
  return wordAsFloat[0]
}

function decodeF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}
