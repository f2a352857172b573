import type { ErrorCode } from '../errors.js'
import type { Dtype, StoredArray } from '../tensor/matrix.js'
import type { Certificate, RowSign, SolverName, SourceName } from './backend.js'

// Every native signature. The C++ side of each is in native/addon/*_operations.cpp.
// Only flat typed arrays, numbers, enum integers and one progress function cross the boundary.

/** The integer of an enum is the position of its name. */
export const dtypeOrder: readonly Dtype[] = ['f16', 'bf16', 'f32', 'f64']
export const solverOrder: readonly SolverName[] = ['jv', 'shortlist', 'auction', 'greedy']
export const sourceOrder: readonly SourceName[] = ['dense', 'implicit', 'sparse']
export const signOrder: readonly RowSign[] = ['same', 'either']
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

/** What a CUDA library finds on this machine. */
export interface NativeDevices {
  /** Toolkit and architectures of the library. */
  readonly build: string
  /** The newest CUDA the driver supports: 13000 for 13.0. */
  readonly driverVersion: number
  /** The CUDA the library was built with. */
  readonly runtimeVersion: number
  /** In the order of `CUDA_VISIBLE_DEVICES`; jobs are dealt out to those that passed the test. */
  readonly devices: readonly NativeDevice[]
}

export interface NativeDevice {
  readonly name: string
  /** `9.0` for example. */
  readonly computeCapability: string
  readonly multiprocessors: number
  readonly totalBytes: number
  readonly freeBytes: number
  /** Why it is passed over; null for one that is used. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null
}

/** The tensors with an identity that a GPU keeps from job to job. */
export interface ResidentTensors {
  /** At present. */
  readonly bytes: number
  readonly tensors: number
  /** How often a job's tensor was uploaded so far. */
  readonly uploads: number
  /** How often it was there already. */
  readonly reuses: number
}

/** A running job; only good for {@link Addon.cancel}. */
export type JobHandle = { readonly __job: unique symbol }

/** An operation on a thread of its own. The promise rejects with an `Error` that has a `code`. */
export interface Job<T> {
  readonly promise: Promise<T>
  readonly job: JobHandle
}

/** See {@link Matrix}. */
export type MatrixArguments = [
  data: StoredArray,
  dtype: number,
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
  offset: number,
]

/** See {@link SparseMatrix}. */
export type SparseArguments = [
  indptr: Float64Array,
  indices: Int32Array,
  data: Float32Array | Float64Array,
  rows: number,
  columns: number,
]

/**
 * One entry of `data` and `scales` a block; `layout` is [count, then of every block the last six {@link MatrixArguments} and
 * its identity]. Blocks of one {@link Addon.newIdentity}, which is not 0, hold the same numbers for the life of the process.
 */
export type RowsArguments = [
  data: StoredArray[],
  scales: (Float64Array | null)[],
  index: Int32Array | null,
  layout: Float64Array,
]

/** `solver` is -1 for `auto`. */
export type SolveArguments = [
  maximize: boolean,
  unmatchedCost: number,
  solver: number,
  neighbours: boolean,
  verify: number,
  prices: Float64Array | null,
  timeLimit: number,
]

export type ReportProgress = (phase: string, done: number, total: number) => void

/** Where the solution of a problem of n rows and m columns goes; see {@link figureNames}. */
export type SolutionArguments = [
  rowToColumn: Int32Array,
  columnToRow: Int32Array,
  u: Float64Array,
  v: Float64Array,
  figures: Float64Array,
  ...neighbours: [] | NeighbourArguments,
]

/** The arrays of {@link Neighbours}, where they are asked for. */
export type NeighbourArguments = [
  nearestColumn: Int32Array,
  nearestColumnCost: Float64Array,
  nearestRow: Int32Array,
  nearestRowCost: Float64Array,
  margin: Float64Array,
  rankInRow: Int32Array,
  rankInColumn: Int32Array,
]

/** What an element of `figures` is; enums and booleans as integers. */
export const figureNames = [
  'cost',
  'primal',
  'dual',
  'gap',
  'roundingBound',
  'minReducedCost',
  'proof',
  'optimal',
  'solver',
  'source',
  'timedOut',
  'bids',
  'refreshes',
  'labels',
  'exactCosts',
  'costMilliseconds',
  'solveMilliseconds',
  'verifyMilliseconds',
] as const

export type SolveMatrixArguments = [...costs: MatrixArguments, ...options: SolveArguments, ...out: SolutionArguments]
export type SolveSparseArguments = [...costs: SparseArguments, ...options: SolveArguments, ...out: SolutionArguments]
/** `source` is -1 for `auto`, `cudaLibrary` empty for the CPU. */
export type SolveRowsArguments = [
  ...a: RowsArguments,
  ...b: RowsArguments,
  source: number,
  memoryBudget: number,
  sign: number,
  cudaLibrary: string,
  ...options: SolveArguments,
  ...out: SolutionArguments,
]

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

  /** Loads the CUDA library at an absolute path; the first call of CUDA. Throws an `Error` with the reason's `code`. */
  describeDevices(cudaLibrary: string): NativeDevices
  /**
   * Runs every kernel against known answers. A GPU that fails is passed over, as long as another does not. Throws as above
   * where all fail, and `SELF_TEST_FAILED`.
   */
  testDevices(cudaLibrary: string): undefined
  /** What every GPU keeps. */
  residentTensors(cudaLibrary: string): ResidentTensors[]
  /** A number above 0 that no other call in this process gets, from whatever thread. */
  newIdentity(): number

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
  nearestRows(
    onProgress: ReportProgress | null,
    ...args: [
      ...a: RowsArguments,
      ...b: RowsArguments,
      count: number,
      sign: number,
      cudaLibrary: string,
      index: Int32Array,
      cost: Float64Array,
    ]
  ): Job<undefined>
  solveMatrix(onProgress: ReportProgress | null, ...args: SolveMatrixArguments): Job<undefined>
  solveSparse(onProgress: ReportProgress | null, ...args: SolveSparseArguments): Job<undefined>
  solveRows(onProgress: ReportProgress | null, ...args: SolveRowsArguments): Job<undefined>
  solveMatrixSync(...args: SolveMatrixArguments): undefined
  solveSparseSync(...args: SolveSparseArguments): undefined
  solveRowsSync(...args: SolveRowsArguments): undefined
  /** The job ends at its next check and its promise rejects with the code `CANCELLED`. */
  cancel(job: JobHandle): void
}
