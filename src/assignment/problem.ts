import {
  type BackendName,
  defaultMemoryBudget,
  type MatrixCosts,
  type Problem,
  type RowCosts,
  type RowSign,
  type RunControl,
  type SolverName,
  type SparseCosts,
} from '../backend/backend.js'
import { requireAttached } from '../backend/input-memory.js'
import { wrongType, wrongValue } from '../errors.js'
import type { Rows } from '../sae/rows.js'
import type { Matrix } from '../tensor/matrix.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import { integer, largestSize, oneOf, rejectUnknownOptions } from '../validate.js'
import { checkMatrix, checkRowPair } from './check-rows.js'
import { checkSparse } from './check-sparse.js'

/** Feature rows whose squared distances are the costs. */
export interface RowPair {
  readonly a: Rows
  readonly b: Rows
}

/**
 * A row-major cost matrix, a strided view of one in f32 or f64, the costs of the allowed pairs, or the feature rows to
 * take costs from.
 */
export type Costs = Float32Array | Float64Array | Matrix | SparseMatrix | RowPair

/** Options of {@link solveAssignmentSync}. */
export interface ProblemOptions {
  /** Rows of a cost matrix in an array (views and sparse rows have their own). Default: from `columns`, or a square matrix. */
  readonly rows?: number
  /** Columns of a cost matrix in an array. */
  readonly columns?: number
  /** Look for the largest total. `unmatchedCost` stays a penalty per missing pair. Default false. */
  readonly maximize?: boolean
  /** What a pair missing from a full assignment costs; no dearer pair is made. Default Infinity: a full assignment. */
  readonly unmatchedCost?: number
  /** Default `auto`: `jv` for small matrices that do without long searches, `shortlist` otherwise. */
  readonly solver?: SolverName | 'auto'
  /** Default `auto`: the best one that works here. A named one runs or the call fails; there is no silent fallback. */
  readonly backend?: BackendName | 'auto'
  /** Where costs of feature rows are kept. Default `auto`: `dense` where the matrix fits `memoryBudget`. */
  readonly source?: 'dense' | 'implicit' | 'auto'
  /**
   * Whether feature rows are compared as they are, or up to their sign: by the lesser of `|x - y|^2` and `|x + y|^2`,
   * which for unit rows is `2 - 2 |cos|`. Default `same`.
   */
  readonly sign?: RowSign
  /**
   * Bytes that costs formed from feature rows may take: 4 for every pair when `dense`; about one when `implicit` on the
   * native backend, which then seldom forms a product twice, and none where that is more. Default 4e9.
   */
  readonly memoryBudget?: number
  /** Default `full`: an independent sweep over every entry. `shortlist`: the proof from the solver's own lists. */
  readonly verify?: 'full' | 'shortlist'
  /** Also find nearest neighbours, margins and ranks in the final sweep. Default false. */
  readonly neighbours?: boolean
  /**
   * Prices to start from, for solver `shortlist`: those of an earlier result of a similar problem of this shape save
   * most of the work. Any finite numbers are sound. Default: a quantile of every column.
   */
  readonly prices?: { readonly u: Float64Array; readonly v: Float64Array }
  /**
   * Seconds after which the solver stops and makes a whole assignment of what it has: `timedOut` is true then, and
   * `certificate.gap` says how far at most it is from the optimum. Forming costs before, the proof after and solver
   * `greedy`, in which others end, are not cut short. Waiting for other jobs to leave a GPU does not count. Default
   * Infinity.
   */
  readonly timeLimit?: number
}

/** Options of {@link solveAssignment}. */
export interface SolveOptions extends ProblemOptions, RunControl {}

const problemOptions = [
  'rows',
  'columns',
  'maximize',
  'unmatchedCost',
  'solver',
  'backend',
  'source',
  'memoryBudget',
  'sign',
  'verify',
  'neighbours',
  'prices',
  'timeLimit',
]
const controlOptions = ['signal', 'onProgress']
const solverNames: readonly SolverName[] = ['jv', 'shortlist', 'auction', 'greedy']

/**
 * The problem that the arguments describe.
 * @throws TypeError, RangeError, `UNKNOWN_OPTION` or `INPUT_DETACHED`
 */
export function toProblem(costs: Costs, options: SolveOptions, synchronous: boolean): Problem {
  rejectUnknownOptions(options, synchronous ? problemOptions : [...problemOptions, ...controlOptions])
  const { maximize = false, unmatchedCost = Number.POSITIVE_INFINITY, neighbours = false } = options
  if (typeof maximize !== 'boolean') throw wrongType('maximize', 'a boolean', maximize)
  if (typeof neighbours !== 'boolean') throw wrongType('neighbours', 'a boolean', neighbours)
  if (typeof unmatchedCost !== 'number') throw wrongType('unmatchedCost', 'a number', unmatchedCost)
  if (Number.isNaN(unmatchedCost) || unmatchedCost === Number.NEGATIVE_INFINITY) {
    throw wrongValue('unmatchedCost', 'a finite number or Infinity', unmatchedCost)
  }
  const { timeLimit = Number.POSITIVE_INFINITY } = options
  if (typeof timeLimit !== 'number') throw wrongType('timeLimit', 'a number of seconds', timeLimit)
  if (!(timeLimit >= 0)) throw wrongValue('timeLimit', 'a number of seconds of at least 0', timeLimit)
  const verify = oneOf('verify', options.verify ?? 'full', ['full', 'shortlist'])
  if (neighbours && verify !== 'full') throw wrongValue('verify', "'full' with `neighbours`", verify)
  const solver = oneOf('solver', options.solver ?? 'auto', ['auto', ...solverNames])
  const checked = checkedCosts(costs, options)
  const prices = options.prices === undefined ? undefined : startingPrices(options.prices, checked)
  if (prices && solver !== 'auto' && solver !== 'shortlist')
    throw wrongValue('solver', "'shortlist' with `prices`", solver)
  return {
    costs: checked,
    maximize,
    unmatchedCost,
    solver,
    neighbours,
    verify,
    prices,
    timeLimit,
  }
}

/** The prices of the longer side: those of the other side follow from them. */
function startingPrices(given: { readonly u: Float64Array; readonly v: Float64Array }, costs: Problem['costs']) {
  const [rows, columns] = costs.kind === 'rows' ? [costs.a.count, costs.b.count] : [costs.rows, costs.columns]
  const [name, length] = rows > columns ? (['u', rows] as const) : (['v', columns] as const)
  const prices = given?.[name]
  if (!(prices instanceof Float64Array)) throw wrongType(`prices.${name}`, 'a Float64Array', prices)
  requireAttached(`prices.${name}`, prices)
  if (prices.length !== length) throw wrongValue(`prices.${name}`, `${length} elements`, prices)
  const at = prices.findIndex((price) => !Number.isFinite(price))
  if (at >= 0) throw wrongValue(`prices.${name}[${at}]`, 'a finite number', prices[at])
  return prices
}

function checkedCosts(costs: Costs, options: ProblemOptions): Problem['costs'] {
  if (typeof costs !== 'object' || costs === null) return matrixCosts(costs, options)
  if ('a' in costs && 'b' in costs) return rowCosts(costs, options)
  if ('indptr' in costs) return sparseCosts(costs, options)
  return 'dtype' in costs ? viewCosts(costs, options) : matrixCosts(costs, options)
}

function matrixCosts(data: unknown, options: ProblemOptions): MatrixCosts {
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw wrongType(
      'costs',
      'a Float32Array, a Float64Array, a view { data, dtype, rows, columns, rowStride, columnStride, offset }, sparse rows { indptr, indices, data, rows, columns } or feature rows { a, b }',
      data,
    )
  }
  requireAttached('costs', data)
  const side = Math.round(Math.sqrt(data.length))
  const rows = integer('rows', options.rows ?? (options.columns ? data.length / options.columns : side), largestSize)
  const columns = integer('columns', options.columns ?? (options.rows ? data.length / options.rows : side), largestSize)
  if (rows * columns !== data.length) {
    throw wrongValue('costs', `${rows * columns} elements (${rows} x ${columns})`, data)
  }
  return { kind: 'matrix', data, rows, columns, rowStride: columns }
}

/** In place where the columns of a row lie side by side, otherwise a row-major copy. */
function viewCosts(view: Matrix, options: ProblemOptions): MatrixCosts {
  refuseShape(options, 'a view')
  checkMatrix('costs', view)
  const { data, rows, columns, rowStride, columnStride, offset } = view
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw wrongValue('costs.dtype', "'f32' or 'f64'", view.dtype)
  }
  const length = rows > 0 && columns > 0 ? (rows - 1) * rowStride + columns : 0
  if (columnStride === 1) {
    return { kind: 'matrix', data: data.subarray(offset, offset + length), rows, columns, rowStride }
  }
  const copy = new (data.constructor as Float64ArrayConstructor)(rows * columns)
  for (let i = 0, e = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, e++) copy[e] = data[offset + i * rowStride + j * columnStride]
  }
  return { kind: 'matrix', data: copy, rows, columns, rowStride: columns }
}

function sparseCosts(costs: SparseMatrix, options: ProblemOptions): SparseCosts {
  refuseShape(options, 'sparse rows')
  checkSparse('costs.', costs)
  const { indptr, indices, data, rows, columns } = costs
  // Copied: what a row begins with must not change any more.
  return { kind: 'sparse', indptr: new Float64Array(indptr), indices, data, rows, columns }
}

/** Refuses options that say what the costs say themselves. */
function refuseShape(options: ProblemOptions, costs: string): void {
  for (const name of ['rows', 'columns'] as const) {
    if (options[name] !== undefined) throw wrongValue(name, `nothing with ${costs}`, options[name])
  }
}

function rowCosts({ a, b }: RowPair, options: ProblemOptions): RowCosts {
  refuseShape(options, 'feature rows')
  checkRowPair('costs.', a, b)
  const { memoryBudget = defaultMemoryBudget } = options
  if (typeof memoryBudget !== 'number') throw wrongType('memoryBudget', 'a number of bytes', memoryBudget)
  if (!(memoryBudget >= 0)) throw wrongValue('memoryBudget', 'a number of bytes of at least 0', memoryBudget)
  return {
    kind: 'rows',
    a,
    b,
    source: oneOf('source', options.source ?? 'auto', ['auto', 'dense', 'implicit']),
    memoryBudget,
    sign: oneOf<RowSign>('sign', options.sign ?? 'same', ['same', 'either']),
  }
}
