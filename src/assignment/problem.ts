import type { BackendName, MatrixCosts, Problem, RowCosts, RunControl, SolverName } from '../backend/backend.js'
import { requireAttached } from '../backend/input-memory.js'
import { wrongType, wrongValue } from '../errors.js'
import type { Rows } from '../sae/rows.js'
import { oneOf, rejectUnknownOptions } from '../validate.js'

/** Feature rows whose squared distances are the costs. */
export interface RowPair {
  readonly a: Rows
  readonly b: Rows
}

/** A row-major cost matrix, or the feature rows to take costs from. */
export type Costs = Float32Array | Float64Array | RowPair

/** Options of {@link solveAssignmentSync}. */
export interface ProblemOptions {
  /** Rows of a cost matrix. Default: from `columns`, or a square matrix. */
  readonly rows?: number
  /** Columns of a cost matrix. */
  readonly columns?: number
  /** Look for the largest total. `unmatchedCost` stays a penalty per missing pair. Default false. */
  readonly maximize?: boolean
  /** What a pair missing from a full assignment costs; no dearer pair is made. Default Infinity: a full assignment. */
  readonly unmatchedCost?: number
  /** Default `auto`: `jv` for tiny problems, `shortlist` otherwise. */
  readonly solver?: SolverName | 'auto'
  /** Default `auto`: the best one that works here. A named one runs or the call fails; there is no silent fallback. */
  readonly backend?: BackendName | 'auto'
  /** Where costs of feature rows are kept. Default `auto`: `dense` where the matrix fits `memoryBudget`. */
  readonly source?: 'dense' | 'implicit' | 'auto'
  /** Bytes a cost matrix formed from feature rows may take. Default 4e9. */
  readonly memoryBudget?: number
  /** Default `full`: an independent sweep over every entry. `shortlist`: the proof from the solver's own lists. */
  readonly verify?: 'full' | 'shortlist'
  /** Also find nearest neighbours, margins and ranks in the final sweep. Default false. */
  readonly neighbours?: boolean
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
  'verify',
  'neighbours',
]
const controlOptions = ['signal', 'onProgress']
const solverNames: readonly SolverName[] = ['jv', 'shortlist', 'auction', 'greedy']

/** Rows and columns are at most this many: permutations are Int32Arrays. */
const largestSize = 2 ** 31 - 1

/** Problems of at most this many entries are solved faster by `jv`: its matrix stays in the nearest cache. */
const tinyEntries = 32 * 32

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
  const verify = oneOf('verify', options.verify ?? 'full', ['full', 'shortlist'])
  if (neighbours && verify !== 'full') throw wrongValue('verify', "'full' with `neighbours`", verify)
  const solver = oneOf('solver', options.solver ?? 'auto', ['auto', ...solverNames])
  const checked = isRowPair(costs) ? rowCosts(costs, options) : matrixCosts(costs, options)
  return {
    costs: checked,
    maximize,
    unmatchedCost,
    solver: solver === 'auto' ? autoSolver(checked) : solver,
    neighbours,
    verify,
  }
}

function autoSolver(costs: MatrixCosts | RowCosts): SolverName {
  return costs.kind === 'matrix' && costs.rows * costs.columns <= tinyEntries ? 'jv' : 'shortlist'
}

function isRowPair(costs: Costs): costs is RowPair {
  return typeof costs === 'object' && costs !== null && 'a' in costs && 'b' in costs
}

function matrixCosts(data: unknown, options: ProblemOptions): MatrixCosts {
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw wrongType('costs', 'a Float32Array, a Float64Array or feature rows { a, b }', data)
  }
  requireAttached('costs', data)
  const side = Math.round(Math.sqrt(data.length))
  const rows = size('rows', options.rows ?? (options.columns ? data.length / options.columns : side))
  const columns = size('columns', options.columns ?? (options.rows ? data.length / options.rows : side))
  if (rows * columns !== data.length) {
    throw wrongValue('costs', `${rows * columns} elements (${rows} x ${columns})`, data)
  }
  return { kind: 'matrix', data, rows, columns }
}

function rowCosts({ a, b }: RowPair, options: ProblemOptions): RowCosts {
  for (const name of ['rows', 'columns'] as const) {
    if (options[name] !== undefined) throw wrongValue(name, 'nothing with feature rows', options[name])
  }
  checkRowPair('costs.', a, b)
  const { memoryBudget = 4e9 } = options
  if (typeof memoryBudget !== 'number') throw wrongType('memoryBudget', 'a number of bytes', memoryBudget)
  if (!(memoryBudget >= 0)) throw wrongValue('memoryBudget', 'a number of bytes of at least 0', memoryBudget)
  return {
    kind: 'rows',
    a,
    b,
    source: oneOf('source', options.source ?? 'auto', ['auto', 'dense', 'implicit']),
    memoryBudget,
  }
}

/** Refuses feature rows that are malformed or cannot be compared. `path` stands before `a` and `b` in messages. */
export function checkRowPair(path: string, a: Rows, b: Rows): void {
  checkRows(`${path}a`, a)
  checkRows(`${path}b`, b)
  const widths = (rows: Rows) => rows.blocks.map(({ matrix }) => matrix.columns).join(' + ')
  if (widths(a) !== widths(b)) throw wrongValue(`${path}b`, `blocks of ${widths(a)} columns`, widths(b))
}

/** Sizes and lengths of feature rows agree, so that no backend reads past an array. */
export function checkRows(name: string, rows: Rows): void {
  if (typeof rows !== 'object' || rows === null || !Array.isArray(rows.blocks)) {
    throw wrongType(name, 'feature rows', rows)
  }
  if (rows.blocks.length === 0 || rows.width === 0)
    throw wrongValue(`${name}.blocks`, 'at least one column', rows.blocks)
  const stored = rows.blocks[0].matrix.rows
  for (const { name: block, matrix, scale } of rows.blocks) {
    if (matrix.rows !== stored) throw wrongValue(`${name}.${block}.rows`, String(stored), matrix.rows)
    if (scale !== null && scale.length !== stored) {
      throw wrongValue(`${name}.${block}.scale`, `${stored} elements`, scale)
    }
    const last = matrix.offset + (matrix.rows - 1) * matrix.rowStride + (matrix.columns - 1) * matrix.columnStride
    if (matrix.rows > 0 && matrix.columns > 0 && !(last < matrix.data.length)) {
      throw wrongValue(`${name}.${block}`, `an array of at least ${last + 1} elements`, matrix.data)
    }
  }
  const count = rows.index?.length ?? stored
  if (rows.count !== count) throw wrongValue(`${name}.count`, String(count), rows.count)
}

function size(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(name, 'an integer', value)
  if (!Number.isSafeInteger(value) || value < 0 || value > largestSize) {
    throw wrongValue(name, `an integer from 0 to ${largestSize}`, value)
  }
  return value
}
