import { wrongType, wrongValue } from '../errors.js'

/**
 * The other direction of a matching: `bToA[aToB[i]] = i` where `aToB[i] >= 0`, -1 elsewhere. See
 * docs/method.md#direction-and-composition.
 *
 * @param aToB [n] feature of B for each feature of A, -1 where unmatched
 * @param columns m, the number of features of B
 * @returns [m]
 * @throws RangeError if an index lies outside -1 .. columns - 1 or two features of A share one of B
 */
export function invert(aToB: Int32Array, columns: number): Int32Array {
  checkIndices('aToB', aToB)
  if (!Number.isSafeInteger(columns) || columns < 0) throw wrongValue('columns', 'a whole number >= 0', columns)
  const bToA = new Int32Array(columns).fill(-1)
  for (let i = 0; i < aToB.length; i++) {
    const j = aToB[i]
    if (j === -1) continue
    if (j < -1 || j >= columns) throw wrongValue(`aToB[${i}]`, `an index below ${columns}, or -1`, j)
    if (bToA[j] !== -1) {
      throw wrongValue(`aToB[${i}]`, `an index of its own (${bToA[j]} is matched to ${j} already)`, j)
    }
    bToA[j] = i
  }
  return bToA
}

/**
 * First A -> B, then B -> C: `aToC[i] = bToC[aToB[i]]`, and -1 wherever either step has none. See
 * docs/method.md#direction-and-composition.
 *
 * @param aToB [n], values below `bToC.length`, -1 where unmatched
 * @param bToC [m]
 * @returns [n]
 * @throws RangeError if a step names a feature that the next one does not have
 */
export function compose(aToB: Int32Array, bToC: Int32Array): Int32Array {
  checkIndices('aToB', aToB)
  checkIndices('bToC', bToC)
  const lowest = bToC.findIndex((k) => k < -1)
  if (lowest !== -1) throw wrongValue(`bToC[${lowest}]`, 'an index >= 0, or -1', bToC[lowest])
  return aToB.map((j, i) => {
    if (j === -1) return -1
    if (j < -1 || j >= bToC.length) throw wrongValue(`aToB[${i}]`, `an index below ${bToC.length}, or -1`, j)
    return bToC[j]
  })
}

function checkIndices(name: string, indices: unknown): void {
  if (!(indices instanceof Int32Array)) throw wrongType(name, 'an Int32Array', indices)
}
