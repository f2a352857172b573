import { multiplyRows, productRows } from './gemm.js'
import { type Points, pairCost } from './points.js'
import type { CostSource } from './source.js'

/** What turns products of rows into squared distances, or into bounds of them. */
export interface Norms {
  /** [n] */
  readonly a: Float64Array
  /** [m] */
  readonly b: Float64Array
  /** -1 for negated costs */
  readonly sign: number
}

/**
 * Norms with which `|x|^2 + |y|^2 - 2 <x, y>` in f64 certainly lies below the exact cost of a pair (above it where costs
 * are negated, so that the negated value lies below).
 *
 * With u = 2^-53, g_p = p u / (1 - p u) and C the true squared distance: the exact cost is a sum of K non-negative
 * terms of three roundings each, so it differs from C by at most g_(K+6) C <= 2 g_(K+6) (|x|^2 + |y|^2). Norms and
 * product, in whatever order they are added up, and the two operations that join them differ from C by at most
 * g_(K+4) (|x|^2 + |y|^2 + 2 |x| |y|) <= 2 g_(K+4) (|x|^2 + |y|^2). Together that is below 4 g_(K+6) (|x|^2 + |y|^2),
 * so moving either squared norm by the share 4 (K + 16) u is enough, the rounding of that move included; the absolute
 * term is for underflow.
 */
export function boundingNorms(a: Points, b: Points, negated: boolean): Norms {
  const sign = negated ? -1 : 1
  const share = 1 - sign * relativeError(a.width)
  const underflow = sign * 8 * (a.width + 16) * Number.MIN_VALUE
  const move = (norm: number) => norm * share - underflow
  return { a: a.squaredNorms.map(move), b: b.squaredNorms.map(move), sign }
}

function relativeError(width: number): number {
  return 4 * (width + 16) * 2 ** -53
}

/** out[r * m + j] = sign * max(0, a_i + b_j - 2 <x_i, y_j>) for i = rows[r] and every j: at most `productRows` rows. */
export function formCosts(
  a: Points,
  rows: ArrayLike<number>,
  b: Points,
  { a: aNorms, b: bNorms, sign }: Norms,
  out: Float64Array,
): void {
  multiplyRows(a.values, rows, b.values, b.count, a.width, out)
  for (let r = 0; r < rows.length; r++) {
    const start = r * b.count
    const norm = aNorms[rows[r]]
    for (let j = 0; j < b.count; j++) out[start + j] = sign * Math.max(0, norm + bNorms[j] - 2 * out[start + j])
  }
}

/**
 * Squared distances of feature rows. Visited rows hold lower bounds, the truth is {@link pairCost}.
 * @param formed [n, m] what {@link formCosts} gives with {@link boundingNorms}; null to form rows when they are visited
 */
export function rowsSource(a: Points, b: Points, negated: boolean, formed: Float64Array | null): CostSource {
  const norms = boundingNorms(a, b, negated)
  const largestNorm = b.squaredNorms.reduce((largest, norm) => Math.max(largest, norm), 0)
  let exactCosts = 0
  return {
    rows: a.count,
    columns: b.count,
    exact: false,
    visit: formed === null ? formingVisitor(a, b, norms) : formedVisitor(formed, b.count),
    cost: (i, j) => {
      exactCosts++
      return norms.sign * pairCost(a, i, b, j)
    },
    // Twice the error on either side of the formed value, and as much again for the rounding of this sum.
    slack: (i) => 4 * relativeError(a.width) * (a.squaredNorms[i] + largestNorm),
    exactCosts: () => exactCosts,
  }
}

function formedVisitor(formed: Float64Array, columns: number): CostSource['visit'] {
  return (rows, visitor) => {
    for (let r = 0; r < rows.length; r++) {
      visitor(rows[r], formed.subarray(rows[r] * columns, (rows[r] + 1) * columns))
    }
  }
}

function formingVisitor(a: Points, b: Points, norms: Norms): CostSource['visit'] {
  const tile = new Float64Array(productRows * b.count)
  return (rows, visitor) => {
    for (let begin = 0; begin < rows.length; begin += productRows) {
      const some = Array.prototype.slice.call(rows, begin, begin + productRows) as number[]
      formCosts(a, some, b, norms, tile)
      for (const [r, row] of some.entries()) visitor(row, tile.subarray(r * b.count, (r + 1) * b.count))
    }
  }
}
