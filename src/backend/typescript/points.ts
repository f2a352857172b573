import type { Rows } from '../../sae/rows.js'
import type { Matrix } from '../../tensor/matrix.js'
import { dotProduct, squaredDistance } from './lane-sum.js'
import { allocateShared } from './memory.js'
import { readRows } from './read-rows.js'
import { rowRange } from './source.js'
import type { Steps } from './steps.js'

/** Rows read together: a transposed tensor is then read in runs of this length. */
const rowsPerTile = 32

/** Feature rows as numbers: f64, row-major, memory that worker threads share. */
export interface Points {
  readonly count: number
  /** K */
  readonly width: number
  /** The widths of the blocks that lie side by side in a row. */
  readonly blockWidths: readonly number[]
  /** [count, width] fl(scale * stored) */
  readonly values: Float64Array
  /** [count] squared norms, the blocks' sums added left to right */
  readonly squaredNorms: Float64Array
}

/** @throws `OUT_OF_MEMORY` */
export function allocatePoints(rows: Rows, allocate: typeof allocateShared = allocateShared): Points {
  const { count, width, blocks } = rows
  return {
    count,
    width,
    blockWidths: blocks.map(({ matrix }) => matrix.columns),
    values: allocate(Float64Array, count * width, 'feature rows in f64'),
    squaredNorms: allocate(Float64Array, count, 'norms of feature rows'),
  }
}

/** Reads rows begin .. end - 1 of a view into `points`. */
export function* readPoints(rows: Rows, points: Points, begin: number, end: number): Steps<void> {
  const { width, values, squaredNorms, blockWidths } = points
  for (let tile = begin; tile < end; tile += rowsPerTile) {
    const tileEnd = Math.min(tile + rowsPerTile, end)
    const numbers = storedRows(rows.index, tile, tileEnd)
    let start = 0
    for (const { matrix, scale } of rows.blocks) {
      readRows(matrix, scale, numbers, values, tile * width + start, width)
      start += matrix.columns
    }
    for (let i = tile; i < tileEnd; i++) {
      let norm = 0
      start = i * width
      for (const blockWidth of blockWidths) {
        norm += dotProduct(values, start, values, start, blockWidth)
        start += blockWidth
      }
      squaredNorms[i] = norm
    }
    yield
  }
}

/** The one point -x_i. */
export function oppositePoint(points: Points, i: number): Points {
  const { width, values, squaredNorms, blockWidths } = points
  const opposite = values.slice(i * width, (i + 1) * width).map((x) => -x)
  return { count: 1, width, blockWidths, values: opposite, squaredNorms: squaredNorms.slice(i, i + 1) }
}

/** The exact cost of a pair: the squared distances of its blocks added left to right. */
export function pairCost(a: Points, i: number, b: Points, j: number): number {
  let cost = 0
  let x = i * a.width
  let y = j * b.width
  for (const width of a.blockWidths) {
    cost += squaredDistance(a.values, x, b.values, y, width)
    x += width
    y += width
  }
  return cost
}

/** [rows] sum_k matrix[i, k] * vector[k], or sum_k matrix[i, k]^2 without a vector. */
export function* rowProducts(matrix: Matrix, vector: Float64Array | null): Steps<Float64Array> {
  const { rows, columns } = matrix
  const products = new Float64Array(rows)
  const tile = new Float64Array(rowsPerTile * columns)
  for (let begin = 0; begin < rows; begin += rowsPerTile) {
    const end = Math.min(begin + rowsPerTile, rows)
    readRows(matrix, null, rowRange(begin, end), tile, 0, columns)
    for (let i = begin; i < end; i++) {
      const start = (i - begin) * columns
      products[i] = vector ? dotProduct(tile, start, vector, 0, columns) : dotProduct(tile, start, tile, start, columns)
    }
    yield
  }
  return products
}

/** [rows, blocks] squared norms of every block of every row. */
export function* squaredBlockNorms({ blocks, count, index }: Rows): Steps<Float64Array> {
  const norms = new Float64Array(count * blocks.length)
  for (const [b, { matrix, scale }] of blocks.entries()) {
    const { columns } = matrix
    const tile = new Float64Array(rowsPerTile * columns)
    for (let begin = 0; begin < count; begin += rowsPerTile) {
      const end = Math.min(begin + rowsPerTile, count)
      readRows(matrix, scale, storedRows(index, begin, end), tile, 0, columns)
      for (let i = begin; i < end; i++) {
        const start = (i - begin) * columns
        norms[i * blocks.length + b] = dotProduct(tile, start, tile, start, columns)
      }
      yield
    }
  }
  return norms
}

/** [pairs, blocks] squared distances by block of the pairs (aIndex[p], bIndex[p]). */
export function* pairBlockCosts(a: Rows, b: Rows, aIndex: Int32Array, bIndex: Int32Array): Steps<Float64Array> {
  const pairs = aIndex.length
  const costs = new Float64Array(pairs * a.blocks.length)
  const stored = ({ index }: Rows, row: number) => (index === null ? row : index[row])
  const aStored = aIndex.map((row) => stored(a, row))
  const bStored = bIndex.map((row) => stored(b, row))
  for (const [k, { matrix: aMatrix, scale: aScale }] of a.blocks.entries()) {
    const { matrix: bMatrix, scale: bScale } = b.blocks[k]
    const { columns } = aMatrix
    const x = new Float64Array(rowsPerTile * columns)
    const y = new Float64Array(rowsPerTile * columns)
    for (let begin = 0; begin < pairs; begin += rowsPerTile) {
      const end = Math.min(begin + rowsPerTile, pairs)
      readRows(aMatrix, aScale, aStored.subarray(begin, end), x, 0, columns)
      readRows(bMatrix, bScale, bStored.subarray(begin, end), y, 0, columns)
      for (let p = begin; p < end; p++) {
        const start = (p - begin) * columns
        costs[p * a.blocks.length + k] = squaredDistance(x, start, y, start, columns)
      }
      yield
    }
  }
  return costs
}

/** Which stored rows rows begin .. end - 1 of a view are. */
function storedRows(index: Int32Array | null, begin: number, end: number): Int32Array {
  return index === null ? rowRange(begin, end) : index.subarray(begin, end)
}
