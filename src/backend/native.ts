import { type ErrorCode, SaeMatchError, wrongValue } from '../errors.js'
import type { Rows } from '../sae/rows.js'
import type { Matrix } from '../tensor/matrix.js'
import {
  type Addon,
  dtypeOrder,
  figureNames,
  type Job,
  type MatrixArguments,
  proofOrder,
  type ReportProgress,
  type RowsArguments,
  type SolveArguments,
  type SparseArguments,
  signOrder,
  solverOrder,
  sourceOrder,
} from './addon-types.js'
import type { Backend, MatrixCosts, Problem, RowCosts, RunControl, SparseCosts } from './backend.js'
import { requireAttached, requireFixedLength } from './input-memory.js'
import { loadAddon } from './load.js'
import { identityOf } from './never-written.js'
import { compactSolutionArrays, readSolution, solutionArrays } from './solution-arrays.js'

/**
 * Arrays up to this size are copied before a job starts, so that the caller may do with them what he likes. Bigger
 * ones are read where they are: they must not be written or transferred until the promise settles. An array over a
 * SharedArrayBuffer is never copied.
 */
const copyLimit = 16 * 2 ** 20

/**
 * The backend over the addon. Every method but `solveSync` leaves the calling thread free.
 * @param cudaLibrary the library on whose GPUs the costs of feature rows are formed; null for the CPU
 */
export function createNativeBackend(addon: Addon, cudaLibrary: string | null = null): Backend {
  const figures = new Float64Array(figureNames.length) // of one synchronous call after another
  const device = cudaLibrary ?? ''
  const name = cudaLibrary === null ? 'native' : 'cuda'
  return {
    name,
    get simd() {
      return addon.activeSimd()
    },
    get threads() {
      return addon.threadCount()
    },
    solvers: ['jv', 'shortlist', 'auction', 'greedy'],

    async squaredRowNorms(matrix) {
      const out = new Float64Array(matrix.rows)
      await run(addon, {}, () => addon.squaredRowNorms(...matrixArguments('matrix', matrix), out))
      return out
    },

    async rowDots(matrix, vector) {
      const out = new Float64Array(matrix.rows)
      await run(addon, {}, () => addon.rowDots(...matrixArguments('matrix', matrix), input('vector', vector), out))
      return out
    },

    async squaredBlockNorms(rows, { signal } = {}) {
      const out = new Float64Array(rows.count * rows.blocks.length)
      await run(addon, { signal }, () => addon.squaredBlockNorms(...rowsArguments('rows', rows), out))
      return out
    },

    async pairCosts(a, b, aIndex, bIndex, { signal } = {}) {
      if (aIndex.length !== bIndex.length) throw wrongValue('bIndex', `${aIndex.length} elements`, bIndex)
      const out = new Float64Array(aIndex.length * a.blocks.length)
      await run(addon, { signal }, () =>
        addon.pairCosts(
          ...rowsArguments('a', a),
          ...rowsArguments('b', b),
          aIndex.length,
          input('aIndex', aIndex),
          input('bIndex', bIndex),
          out,
        ),
      )
      return out
    },

    async costMatrix(a, b, control) {
      control.signal?.throwIfAborted()
      const out = allocateCosts(a.count, b.count)
      await run(addon, control, (report) =>
        addon.costMatrix(report, ...rowsArguments('a', a), ...rowsArguments('b', b), out),
      )
      return out
    },

    async nearestRows(a, b, count, control, sign = 'same') {
      const index = new Int32Array(a.count * count)
      const cost = new Float64Array(a.count * count)
      await run(addon, control, (report) =>
        addon.nearestRows(
          report,
          ...rowsArguments('a', a),
          ...rowsArguments('b', b),
          count,
          signOrder.indexOf(sign),
          device,
          index,
          cost,
        ),
      )
      return { index, cost, backend: name }
    },

    async solve(problem, control) {
      const { costs } = problem
      const out = solutionArrays(...shapeOf(costs), problem.neighbours)
      await run(addon, control, (report) => {
        const options = solveArguments(problem, input)
        if (costs.kind === 'rows') {
          return addon.solveRows(report, ...rowPairArguments(costs, input), device, ...options, ...out)
        }
        if (costs.kind === 'sparse') {
          return addon.solveSparse(report, ...sparseArguments(costs, input), ...options, ...out)
        }
        return addon.solveMatrix(report, ...matrixArguments('costs', costMatrixView(costs)), ...options, ...out)
      })
      return readSolution(out, problem, name)
    },

    solveSync(problem) {
      const { costs } = problem
      const out = compactSolutionArrays(...shapeOf(costs), problem.neighbours, figures)
      attempt(() => {
        const options = solveArguments(problem, inputInPlace)
        if (costs.kind === 'rows') {
          return addon.solveRowsSync(...rowPairArguments(costs, inputInPlace), device, ...options, ...out)
        }
        if (costs.kind === 'sparse') {
          return addon.solveSparseSync(...sparseArguments(costs, inputInPlace), ...options, ...out)
        }
        const matrix = matrixArguments('costs', costMatrixView(costs), inputInPlace)
        return addon.solveMatrixSync(...matrix, ...options, ...out)
      })
      return readSolution(out, problem, name)
    },

    async close() {},
  }
}

/** The instruction sets this build and this processor have, best first; empty without an addon. */
export function supportedSimd(): string[] {
  return loadAddon().addon?.supportedSimd() ?? []
}

/**
 * Forces one instruction set (`auto` for the best) for the whole process.
 * @throws `SIMD_UNSUPPORTED` if the processor or the build lacks it, the addon's reason if there is no addon.
 */
export function setSimd(name: string): void {
  const { addon, failure } = loadAddon()
  if (addon === null) throw new SaeMatchError(failure.code, failure.message, { hint: failure.hint })
  forceSimd(addon, name)
}

/** {@link setSimd} of a given addon. */
export function forceSimd(addon: Addon, name: string): void {
  if (addon.setSimd(name)) return
  const supported = addon.supportedSimd().join(', ')
  throw new SaeMatchError('SIMD_UNSUPPORTED', `This processor or build has no ${name}; it has ${supported}`, {
    hint: `Set SAE_MATCH_SIMD to one of ${supported}, or unset it.`,
  })
}

/** Starts a job, passes on its progress, cancels it when the signal says so or `onProgress` throws. */
async function run<T>(
  addon: Addon,
  { signal, onProgress }: RunControl,
  start: (report: ReportProgress | null) => Job<T>,
): Promise<T> {
  signal?.throwIfAborted()
  let stopped: { reason: unknown } | null = null
  const stop = (reason: unknown) => {
    stopped ??= { reason }
    addon.cancel(started.job)
  }
  const report: ReportProgress = (phase, done, total) => {
    try {
      onProgress?.({ phase, done, total })
    } catch (error) {
      stop(error)
    }
  }
  const onAbort = () => stop(signal?.reason)
  const started = attempt(() => start(onProgress ? report : null))
  signal?.addEventListener('abort', onAbort)
  try {
    const result = await started.promise
    if (stopped === null) return result
  } catch (error) {
    if (stopped === null) throw fromNativeError(error)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  throw (stopped as { reason: unknown }).reason
}

function attempt<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw fromNativeError(error)
  }
}

/** Made here, so that its stack is the caller's. */
function fromNativeError(error: unknown): unknown {
  if (error instanceof SaeMatchError || !(error instanceof Error) || !('code' in error)) return error
  return new SaeMatchError(error.code as ErrorCode, error.message)
}

function shapeOf(costs: Problem['costs']): [rows: number, columns: number] {
  return costs.kind === 'rows' ? [costs.a.count, costs.b.count] : [costs.rows, costs.columns]
}

function solveArguments(problem: Problem, take: typeof input): SolveArguments {
  return [
    problem.maximize,
    problem.unmatchedCost,
    problem.solver === 'auto' ? -1 : solverOrder.indexOf(problem.solver),
    problem.neighbours,
    proofOrder.indexOf(problem.verify),
    problem.prices ? take('prices', problem.prices) : null,
    problem.timeLimit ?? Number.POSITIVE_INFINITY,
  ]
}

function costMatrixView({ data, rows, columns, rowStride }: MatrixCosts): Matrix {
  const dtype = data instanceof Float32Array ? 'f32' : 'f64'
  return { data, dtype, rows, columns, rowStride, columnStride: 1, offset: 0 }
}

function matrixArguments(name: string, matrix: Matrix, take = input): MatrixArguments {
  const { data, dtype, rows, columns, rowStride, columnStride, offset } = matrix
  return [take(name, data), dtypeOrder.indexOf(dtype), rows, columns, rowStride, columnStride, offset]
}

function sparseArguments({ indptr, indices, data, rows, columns }: SparseCosts, take: typeof input): SparseArguments {
  return [indptr, take('costs.indices', indices), take('costs.data', data), rows, columns]
}

function rowPairArguments({ a, b, source, memoryBudget, sign = 'same' }: RowCosts, take: typeof input) {
  return [
    ...rowsArguments('a', a, take),
    ...rowsArguments('b', b, take),
    source === 'auto' ? -1 : sourceOrder.indexOf(source),
    Math.min(Math.floor(memoryBudget), Number.MAX_SAFE_INTEGER),
    signOrder.indexOf(sign),
  ] as const
}

function rowsArguments(name: string, { blocks, count, index }: Rows, take = input): RowsArguments {
  const matrices = blocks.map(({ name: block, matrix }) => matrixArguments(`${name}.${block}`, matrix, take))
  return [
    matrices.map(([data]) => data),
    blocks.map(({ name: block, scale }) => scale && take(`${name}.${block}.scale`, scale)),
    index && take(`${name}.index`, index),
    Float64Array.of(
      count,
      ...matrices.flatMap(([, ...layout], block) => [...layout, identityOf(blocks[block].matrix)]),
    ),
  ]
}

/**
 * An array that a job may read while JavaScript goes on.
 * @throws `INPUT_DETACHED` if its memory was transferred away already.
 */
function input<T extends Uint16Array | Float32Array | Float64Array | Int32Array>(name: string, array: T): T {
  requireAttached(name, array)
  requireFixedLength(name, array)
  const shared = array.buffer instanceof SharedArrayBuffer
  return shared || array.byteLength > copyLimit ? array : (array.slice() as T)
}

/** An array for a call that JavaScript waits for. @throws `INPUT_DETACHED` */
function inputInPlace<T extends Uint16Array | Float32Array | Float64Array | Int32Array>(name: string, array: T): T {
  requireAttached(name, array)
  return array
}

function allocateCosts(rows: number, columns: number): Float32Array {
  try {
    return new Float32Array(rows * columns)
  } catch (error) {
    throw new SaeMatchError(
      'OUT_OF_MEMORY',
      `A cost matrix of ${rows} x ${columns} needs ${rows * columns * 4} bytes, more than can be allocated`,
      { cause: error, hint: 'Solve from feature rows with the implicit source: it needs no matrix.' },
    )
  }
}
