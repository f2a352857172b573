import { unzipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { encodeNpy } from '../../src/output/npy.js'
import { encodeNpz } from '../../src/output/npz.js'

const entries = {
  a_to_b: Int32Array.of(2, -1, 0),
  cost: Float32Array.of(0.5, Number.NaN, 3),
  u: Float64Array.of(1e300, -0, 3),
  schema_version: { data: Int32Array.of(1), shape: [] },
  grid: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] },
}

describe('encodeNpy', () => {
  it('lays out magic, version, padded header and data as numpy specifies', () => {
    const bytes = encodeNpy(Int32Array.of(1, 2, 3))
    const view = new DataView(bytes.buffer)
    expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
    const start = 10 + view.getUint16(8, true)
    expect(start % 64).toBe(0)
    const header = new TextDecoder().decode(bytes.subarray(10, start))
    expect(header).toMatch(/^\{'descr': '<i4', 'fortran_order': False, 'shape': \(3,\), \} *\n$/)
    expect([0, 4, 8].map((offset) => view.getInt32(start + offset, true))).toEqual([1, 2, 3])
    expect(bytes).toHaveLength(start + 12)
  })

  it('writes only the part of a buffer that an array shows', () => {
    const part = Float64Array.of(1, 2, 3, 4).subarray(1, 3)
    expect(encodeNpy(part)).toEqual(encodeNpy(Float64Array.of(2, 3)))
  })

  it('refuses a shape that does not fit', () => {
    expect(() => encodeNpy(Int32Array.of(1, 2, 3), [2, 2])).toThrow(RangeError)
  })
})

describe('encodeNpz', () => {
  it('gives equal bytes for equal input, whatever the clock and the time zone', () => {
    const zone = process.env.TZ
    const first = encodeNpz(entries)
    process.env.TZ = 'Pacific/Auckland'
    const second = encodeNpz(structuredClone(entries))
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
    expect(second).toEqual(first)
  })

  it('holds the named arrays in order', () => {
    const files = unzipSync(encodeNpz(entries))
    expect(Object.keys(files)).toEqual(Object.keys(entries).map((name) => `${name}.npy`))
    expect(files['a_to_b.npy']).toEqual(encodeNpy(entries.a_to_b))
    expect(files['grid.npy']).toEqual(encodeNpy(entries.grid.data, [2, 3]))
  })
})
