import { expect, it } from 'vitest'
import { solveAssignmentSync } from '../../src/assignment/solve.js'
import { describeWithAddon } from '../helpers/addon.js'
import { mulberry32 } from '../helpers/random.js'

describeWithAddon('more entries than 2^31', () => {
  it('are counted and addressed in 64 bits', () => {
    const n = 46_400
    expect(n * n).toBeGreaterThan(2 ** 31)
    // Row i begins at element i, so that c(i, j) = data[i + j] and an array of 2 n elements does for all of them.
    const random = mulberry32(1)
    const data = Float32Array.from({ length: 2 * n - 1 }, () => 1 + random())
    data[n - 1] = 0.25
    const view = { data, dtype: 'f32', rows: n, columns: n, rowStride: 1, columnStride: 1, offset: 0 } as const
    const { rowToColumn, cost, certificate } = solveAssignmentSync(view, { backend: 'native' })
    expect(rowToColumn).toEqual(Int32Array.from({ length: n }, (_, i) => n - 1 - i))
    expect(cost).toBe(n * 0.25)
    expect(certificate).toMatchObject({ optimal: true, proof: 'full', gap: 0 })
  }, 120_000)

  it('name the entry at fault beyond them', () => {
    const n = 46_400
    const data = new Float32Array(2 * n - 1)
    data[2 * n - 2] = Number.NaN
    const view = { data, dtype: 'f32', rows: n, columns: n, rowStride: 1, columnStride: 1, offset: 0 } as const
    expect(() => solveAssignmentSync(view, { backend: 'native' })).toThrow(`row ${n - 1}, column ${n - 1}`)
  }, 120_000)
})
