import type { Rows } from '../../sae/rows.js'
import type { MatrixCosts, RowSign, Solution, SparseCosts } from '../backend.js'
import { productRows } from './gemm.js'
import { findNearest, type NearestArguments } from './nearest.js'
import type { Points } from './points.js'
import { readPoints } from './points.js'
import { boundingNorms, formCosts } from './rows-source.js'
import type { PointsOptions, SolveOptions } from './solve.js'
import { solveMatrix, solvePoints, solveSparse } from './solve.js'
import { rowRange } from './source.js'
import type { Steps } from './steps.js'

const rowsPerRead = 128

/**
 * Work that several threads do together: each takes the next piece until none is left. `next` is shared memory and
 * starts at 0.
 */
export interface Shared {
  readonly next: Int32Array
}

export interface ReadRowsArguments extends Shared {
  readonly rows: Rows
  readonly points: Points
}

export interface FormCostsArguments extends Shared {
  readonly a: Points
  readonly b: Points
  /**
   * `bounds`: lower bounds for {@link solvePoints}, of negated costs where `negated`; `nearest`: the costs as well as
   * the product gives them.
   */
  readonly kind: 'bounds' | 'nearest'
  readonly negated: boolean
  readonly sign: RowSign
  /** [a.count, b.count] shared */
  readonly out: Float64Array | Float32Array
}

export interface NearestRowsArguments extends Shared, NearestArguments {}

export interface SolveMatrixArguments {
  readonly costs: MatrixCosts
  readonly options: SolveOptions
}

export interface SolveSparseArguments {
  readonly costs: SparseCosts
  readonly options: SolveOptions
}

export interface SolvePointsArguments {
  readonly a: Points
  readonly b: Points
  readonly formed: Float64Array | null
  readonly costMilliseconds: number
  readonly options: PointsOptions
}

/** Everything a worker thread can be asked to do; big arrays among the arguments are shared memory. */
export interface Tasks {
  readRows(args: ReadRowsArguments): Steps<void>
  formCosts(args: FormCostsArguments): Steps<void>
  nearestRows(args: NearestRowsArguments): Steps<void>
  solveMatrix(args: SolveMatrixArguments): Steps<Solution>
  solveSparse(args: SolveSparseArguments): Steps<Solution>
  solvePoints(args: SolvePointsArguments): Steps<Solution>
}

export type TaskName = keyof Tasks

export const tasks: Tasks = {
  *readRows({ rows, points, next }) {
    for (const [begin, end] of pieces(rows.count, rowsPerRead, next)) yield* readPoints(rows, points, begin, end)
  },

  *formCosts({ a, b, kind, negated, sign, out, next }) {
    const norms =
      kind === 'bounds'
        ? boundingNorms(a, b, negated)
        : { a: a.squaredNorms, b: b.squaredNorms, sign: negated ? -1 : 1 }
    const tile = new Float64Array(productRows * b.count)
    for (const [begin, end] of pieces(a.count, productRows, next)) {
      formCosts(a, rowRange(begin, end), b, norms, tile, sign)
      out.set(tile.subarray(0, (end - begin) * b.count), begin * b.count)
      yield { phase: 'cost', done: end, total: a.count }
    }
  },

  *nearestRows({ next, ...args }) {
    const { a, b } = args
    const norms = boundingNorms(a, b, false)
    const bounds = new Float64Array(productRows * b.count)
    for (const [begin, end] of pieces(a.count, productRows, next)) {
      findNearest(args, begin, end, norms, bounds)
      yield { phase: 'cost', done: end, total: a.count }
    }
  },

  solveMatrix({ costs, options }) {
    return solveMatrix(costs, options)
  },

  solveSparse({ costs, options }) {
    return solveSparse(costs, options)
  },

  solvePoints({ a, b, formed, costMilliseconds, options }) {
    return solvePoints(a, b, formed, costMilliseconds, options)
  },
}

/** The pieces of 0 .. count - 1 that this thread gets. */
function* pieces(count: number, size: number, next: Int32Array): Generator<[number, number]> {
  while (true) {
    const begin = Atomics.add(next, 0, 1) * size
    if (begin >= count) return
    yield [begin, Math.min(begin + size, count)]
  }
}
