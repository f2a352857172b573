import type { RowSign } from '../backend.js'
import { multiplyRows, productRows } from './gemm.js'
import { oppositePoint, type Points, pairCost } from './points.js'
import type { CostSource, RowVisitor } from './source.js'

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
  const underflow = sign * underflowError(a.width)
  const move = (norm: number) => norm * share - underflow
  return { a: a.squaredNorms.map(move), b: b.squaredNorms.map(move), sign }
}

function relativeError(width: number): number {
  return 4 * (width + 16) * 2 ** -53
}

function underflowError(width: number): number {
  return 8 * (width + 16) * Number.MIN_VALUE
}

/**
 * out[r * m + j] = sign * max(0, a_i + b_j - 2 <x_i, y_j>) for i = rows[r] and every j: at most `productRows` rows.
 * Where rows are compared up to their sign, with the absolute value of the product, which makes no error larger.
 */
export function formCosts(
  a: Points,
  rows: ArrayLike<number>,
  b: Points,
  { a: aNorms, b: bNorms, sign }: Norms,
  out: Float64Array,
  rowSign: RowSign = 'same',
): void {
  multiplyRows(a.values, rows, b.values, b.count, a.width, out)
  if (rowSign === 'either') for (let e = 0; e < rows.length * b.count; e++) out[e] = Math.abs(out[e])
  for (let r = 0; r < rows.length; r++) {
    const start = r * b.count
    const norm = aNorms[rows[r]]
    for (let j = 0; j < b.count; j++) out[start + j] = sign * Math.max(0, norm + bNorms[j] - 2 * out[start + j])
  }
}

/** Squared distances of feature rows. Visited rows hold lower bounds, the truth is {@link pairCost}. */
export class RowsSource implements CostSource {
  readonly rows: number
  readonly columns: number
  readonly exact = false
  exactCosts = 0
  private readonly a: Points
  private readonly b: Points
  private readonly norms: Norms
  private readonly rowSign: RowSign
  /** -1 times the row that was asked for last, where rows are compared up to their sign. */
  private opposite: { readonly row: number; readonly point: Points } | null = null
  private readonly largestNorm: number
  /** [n, m] what {@link formCosts} gives with {@link boundingNorms}, or null: then rows are formed when they are visited. */
  private readonly formed: Float64Array | null
  /** Where they are formed, `productRows` at once. */
  private readonly tile: Float64Array

  constructor(a: Points, b: Points, negated: boolean, formed: Float64Array | null, rowSign: RowSign = 'same') {
    this.rows = a.count
    this.columns = b.count
    this.a = a
    this.b = b
    this.rowSign = rowSign
    this.norms = boundingNorms(a, b, negated)
    this.largestNorm = b.squaredNorms.reduce((largest, norm) => Math.max(largest, norm), 0)
    this.formed = formed
    this.tile = new Float64Array(formed === null ? productRows * b.count : 0)
  }

  get entries(): number {
    return this.rows * this.columns
  }

  rowEntries(): number {
    return this.columns
  }

  visit(rows: ArrayLike<number>, visitor: RowVisitor): void {
    const { formed, columns, tile } = this
    if (formed !== null) {
      for (let r = 0; r < rows.length; r++) {
        visitor(rows[r], formed.subarray(rows[r] * columns, (rows[r] + 1) * columns), null)
      }
      return
    }
    for (let begin = 0; begin < rows.length; begin += productRows) {
      const some = Array.from({ length: Math.min(productRows, rows.length - begin) }, (_, r) => rows[begin + r])
      formCosts(this.a, some, this.b, this.norms, tile, this.rowSign)
      for (const [r, row] of some.entries()) visitor(row, tile.subarray(r * columns, (r + 1) * columns), null)
    }
  }

  cost(row: number, column: number): number {
    this.exactCosts++
    const { a, b, norms } = this
    const cost = pairCost(a, row, b, column)
    if (this.rowSign === 'same') return norms.sign * cost
    if (this.opposite?.row !== row) this.opposite = { row, point: oppositePoint(a, row) }
    return norms.sign * Math.min(cost, pairCost(this.opposite.point, 0, b, column))
  }

  allowedColumns(): null {
    return null
  }

  identical(row: number, other: number): boolean {
    const { width, values } = this.a
    for (let k = 0; k < width; k++) if (values[row * width + k] !== values[other * width + k]) return false
    return true
  }

  /** Twice the error on either side of the formed value, and as much again for the rounding of this sum. */
  slack(row: number): number {
    const { width, squaredNorms } = this.a
    return 4 * (relativeError(width) * (squaredNorms[row] + this.largestNorm) + 2 * underflowError(width))
  }
}
