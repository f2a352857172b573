import { describe, expect, it } from 'vitest'
import {
  allocatePoints,
  pairBlockCosts,
  pairCost,
  readPoints,
  rowProducts,
  squaredBlockNorms,
} from '../../../src/backend/typescript/points.js'
import { runAtOnce } from '../../../src/backend/typescript/steps.js'
import type { Rows } from '../../../src/sae/rows.js'
import { f16ToNumber } from '../../../src/tensor/half.js'
import { type Matrix, rowMajor, transpose } from '../../../src/tensor/matrix.js'

const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555, 0x8000)
const singles = Float32Array.of(0.1, -2, 3.5, 1e-30, 5, 6, 7, 8, 9)

/** Three stored rows: a transposed f32 block with a scale and an f16 block without. */
const rows: Rows = {
  blocks: [
    {
      name: 'decoder',
      matrix: transpose(rowMajor(singles, 'f32', 3, 3)),
      scale: Float64Array.of(1 / 3, 2, 0.7),
    },
    { name: 'encoder', matrix: rowMajor(halves, 'f16', 3, 2), scale: null },
  ],
  count: 2,
  width: 5,
  index: Int32Array.of(0, 2),
}

/** fl(scale * stored) of both rows. */
const values = [
  [singles[0] / 3, singles[3] / 3, singles[6] / 3, 1, -2],
  [singles[2] * 0.7, singles[5] * 0.7, singles[8] * 0.7, f16ToNumber(0x3555), -0],
].map((row, r) => row.map((value, k) => (k < 3 ? singles[3 * k + 2 * r] * [1 / 3, 0.7][r] : value)))

function read(from: Rows) {
  const points = allocatePoints(from)
  runAtOnce(readPoints(from, points, 0, from.count))
  return points
}

describe('readPoints', () => {
  it('reads dtypes, strides, scales and an index as f64', () => {
    const points = read(rows)
    expect(Array.from(points.values)).toEqual(values.flat())
    expect(points.blockWidths).toEqual([3, 2])
    expect(points.values.buffer).toBeInstanceOf(SharedArrayBuffer)
    const square = (part: number[]) => part.reduce((sum, x) => sum + x * x, 0)
    for (let r = 0; r < 2; r++) {
      expect(points.squaredNorms[r]).toBeCloseTo(square(values[r]), 9)
    }
  })

  it('reads bf16 and f64, and rows in pieces as at once', () => {
    const bf16: Matrix = rowMajor(Uint16Array.of(0x3f80, 0xc000), 'bf16', 2, 1)
    const f64: Matrix = rowMajor(Float64Array.of(Math.PI, -Math.E), 'f64', 2, 1)
    for (const [matrix, expected] of [
      [bf16, [1, -2]],
      [f64, [Math.PI, -Math.E]],
    ] as const) {
      const view: Rows = { blocks: [{ name: 'bias', matrix, scale: null }], count: 2, width: 1, index: null }
      const points = allocatePoints(view)
      runAtOnce(readPoints(view, points, 1, 2))
      runAtOnce(readPoints(view, points, 0, 1))
      expect(Array.from(points.values)).toEqual(expected)
    }
  })
})

describe('exact costs', () => {
  it('are the blocks added left to right', () => {
    const points = read(rows)
    const [first, second] = runAtOnce(pairBlockCosts(rows, rows, Int32Array.of(0), Int32Array.of(1)))
    expect(pairCost(points, 0, points, 1)).toBe(first + second)
    expect(first).toBeCloseTo(
      [0, 1, 2].reduce((sum, k) => sum + (values[0][k] - values[1][k]) ** 2, 0),
      9,
    )
    expect(pairCost(points, 1, points, 1)).toBe(0)
  })

  it('of a zero row are the norm of the other, to the bit', () => {
    const zero: Rows = {
      ...rows,
      blocks: rows.blocks.map((block) => ({ ...block, scale: new Float64Array(3) })),
    }
    const [a, b] = [read(zero), read(rows)]
    for (let j = 0; j < 2; j++) expect(pairCost(a, 0, b, j)).toBe(b.squaredNorms[j])
  })
})

describe('norms and products of stored rows', () => {
  it('go by block and by row', () => {
    const norms = runAtOnce(squaredBlockNorms(rows))
    expect(norms).toHaveLength(4)
    expect(norms[1]).toBe(1 + 4)
    const matrix = rows.blocks[1].matrix
    expect(Array.from(runAtOnce(rowProducts(matrix, Float64Array.of(2, 0.5))))).toEqual(
      [0, 1, 2].map((r) => f16ToNumber(halves[2 * r]) * 2 + f16ToNumber(halves[2 * r + 1]) * 0.5),
    )
    expect(runAtOnce(rowProducts(matrix, null))[0]).toBe(5)
  })
})
