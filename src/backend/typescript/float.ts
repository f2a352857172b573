/** The sum of all values, with the rounding errors of the partial sums carried along (Neumaier). */
export function compensatedSum(...arrays: ArrayLike<number>[]): number {
  let sum = 0
  let error = 0
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      const next = sum + value
      error += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      sum = next
    }
  }
  return sum + error
}

/** The exact error of fl(a - b): a - b = difference + this (Knuth's two-sum). */
export function differenceError(a: number, b: number, difference: number): number {
  const subtracted = difference - a
  return a - (difference - subtracted) - (b + subtracted)
}

/** A number that is certainly not above a + b + rest, for a `rest` that is tiny beside the sum. */
export function sumRoundedDown(a: number, b: number, rest: number): number {
  const sum = a + b
  const error = differenceError(a, -b, sum) + rest
  return error < 0 ? nextDown(sum + error) : sum
}

const float = new Float64Array(1)
const bits = new BigInt64Array(float.buffer)

/** The greatest number below a finite one. */
export function nextDown(value: number): number {
  if (value === 0) return -Number.MIN_VALUE
  float[0] = value
  bits[0] += value > 0 ? -1n : 1n
  return float[0]
}
