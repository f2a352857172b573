import { invert } from './compose.js'

/** Numbers in [0, 1) from a 32-bit seed (the mulberry32 generator): the same sequence on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A uniform permutation of 0 .. length - 1 (Fisher-Yates). */
export function randomPermutation(length: number, seed: number): Int32Array {
  return randomPermutationFrom(seededRandom(seed), length)
}

/** {@link randomPermutation} from the next numbers of a generator. */
export function randomPermutationFrom(random: () => number, length: number): Int32Array {
  const permutation = Int32Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swapped = permutation[i]
    permutation[i] = permutation[j]
    permutation[j] = swapped
  }
  return permutation
}

/** A uniform one-to-one matching of the shorter side into the longer: [rows] columns, -1 for rows that stay alone. */
export function randomMatching(rows: number, columns: number, seed: number): Int32Array {
  if (rows <= columns) return randomPermutation(columns, seed).subarray(0, rows)
  return invert(randomPermutation(rows, seed).subarray(0, columns), rows)
}
