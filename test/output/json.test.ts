import { describe, expect, it } from 'vitest'
import { canonicalJson, encodeJson } from '../../src/output/json.js'

describe('encodeJson', () => {
  it('writes typed arrays as lists and what JSON lacks as null', () => {
    expect(JSON.parse(encodeJson({ list: Int32Array.of(1, -1), nothing: Number.NaN, end: Infinity }))).toEqual({
      list: [1, -1],
      nothing: null,
      end: null,
    })
  })
})

describe('canonicalJson', () => {
  it('does not depend on the order of keys, but on the order of lists', () => {
    expect(canonicalJson({ b: { d: 1, c: [2, 1] }, a: 0 })).toBe('{"a":0,"b":{"c":[2,1],"d":1}}')
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]))
  })
})
