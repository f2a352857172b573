import type { Dtype, StoredArray } from '../tensor/matrix.js'
import type { Certificate, Neighbours, Solution, SolverName, SourceName } from './backend.js'

// Every native signature. The C++ side of each is in native/addon/*_operations.cpp.
// Only flat typed arrays, numbers, enum integers and one progress function cross the boundary.

/** The integer of an enum is the position of its name. */
export const dtypeOrder: readonly Dtype[] = ['f16', 'bf16', 'f32', 'f64']
export const solverOrder: readonly SolverName[] = ['jv', 'shortlist', 'auction', 'greedy']
export const sourceOrder: readonly SourceName[] = ['dense', 'implicit', 'sparse']
export const proofOrder: readonly Certificate['proof'][] = ['shortlist', 'full']

/** What the addon was built with and from. */
export interface NativeBuild {
  /** Name and version. */
  readonly compiler: string
  /** Full hash of the sources' commit; empty where they were not in a repository. */
  readonly commit: string
  /** The line CMake printed: system, processor, compiler, build type, instruction sets. */
  readonly summary: string
}

/** A running job; only good for {@link Addon.cancel}. */
export type JobHandle = { readonly __job: unique symbol }

/** An operation on a thread of its own. The promise rejects with an `Error` that has a `code`. */
export interface Job<T> {
  readonly promise: Promise<T>
  readonly job: JobHandle
}

/** `layout` is [dtype, rows, columns, rowStride, columnStride, offset]. */
export type MatrixArguments = [data: StoredArray, layout: Float64Array]

/** See {@link SparseMatrix}. */
export type SparseArguments = [
  indptr: Float64Array,
  indices: Int32Array,
  data: Float32Array | Float64Array,
  rows: number,
  columns: number,
]

/** One entry of `data` and `scales` a block; `layout` is [count, then the six numbers of every block]. */
export type RowsArguments = [
  data: StoredArray[],
  scales: (Float64Array | null)[],
  index: Int32Array | null,
  layout: Float64Array,
]

export type SolveArguments = [
  maximize: boolean,
  unmatchedCost: number,
  solver: number,
  neighbours: boolean,
  verify: number,
  prices: Float64Array | null,
  timeLimit: number,
]

/** `source` is -1 for `auto`. */
export type RowProblemArguments = [
  ...a: RowsArguments,
  ...b: RowsArguments,
  source: number,
  memoryBudget: number,
  ...options: SolveArguments,
]

export type ReportProgress = (phase: string, done: number, total: number) => void

/** {@link Solution} with enums as integers. */
export interface NativeSolution extends Omit<Solution, 'certificate' | 'source' | 'solver'> {
  readonly certificate: Omit<Certificate, 'proof'> & { readonly proof: number }
  readonly source: number
  readonly neighbours: Neighbours | null
}

export interface Addon {
  /** Must equal the version of the package. */
  readonly version: string
  readonly build: NativeBuild

  /** Instruction sets compiled in, best first. */
  compiledSimd(): string[]
  /** Those this processor has, too. */
  supportedSimd(): string[]
  /** The one in use. */
  activeSimd(): string
  /** `auto` for the best one; false where the processor or the build lacks it. */
  setSimd(name: string): boolean
  threadCount(): number
  /** For the whole process. */
  setThreadCount(count: number): void

  squaredRowNorms(...args: [...matrix: MatrixArguments, out: Float64Array]): Job<undefined>
  rowDots(...args: [...matrix: MatrixArguments, vector: Float64Array, out: Float64Array]): Job<undefined>
  squaredBlockNorms(...args: [...rows: RowsArguments, out: Float64Array]): Job<undefined>
  pairCosts(
    ...args: [
      ...a: RowsArguments,
      ...b: RowsArguments,
      pairs: number,
      aIndex: Int32Array,
      bIndex: Int32Array,
      out: Float64Array,
    ]
  ): Job<undefined>
  costMatrix(
    onProgress: ReportProgress | null,
    ...args: [...a: RowsArguments, ...b: RowsArguments, out: Float32Array]
  ): Job<undefined>
  solveMatrix(
    onProgress: ReportProgress | null,
    ...args: [...costs: MatrixArguments, ...options: SolveArguments]
  ): Job<NativeSolution>
  solveSparse(
    onProgress: ReportProgress | null,
    ...args: [...costs: SparseArguments, ...options: SolveArguments]
  ): Job<NativeSolution>
  solveRows(onProgress: ReportProgress | null, ...args: RowProblemArguments): Job<NativeSolution>
  solveMatrixSync(...args: [...costs: MatrixArguments, ...options: SolveArguments]): NativeSolution
  solveSparseSync(...args: [...costs: SparseArguments, ...options: SolveArguments]): NativeSolution
  solveRowsSync(...args: RowProblemArguments): NativeSolution
  /** The job ends at its next check and its promise rejects with the code `CANCELLED`. */
  cancel(job: JobHandle): void
}
