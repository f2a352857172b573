import { wrongValue } from '../../errors.js'
import type { Backend, RunControl, Solution, SparseCosts } from '../backend.js'
import { requireAttached, requireFixedLength } from '../input-memory.js'
import { solveRowsAlone } from './alone.js'
import { openLoan } from './loan.js'
import { allocateShared, movableCopy } from './memory.js'
import { packRows } from './pack-rows.js'
import { pairBlockCosts, rowProducts, squaredBlockNorms } from './points.js'
import { checkPoints, requireSinglePrecision, type SolveOptions, solveMatrix, solveSparse } from './solve.js'
import { runAtOnce, runInTurns } from './steps.js'
import { findNearestTogether, formTogether, readBoth, solveRows } from './together.js'
import { createWorkers, type Workers } from './workers.js'

/**
 * Problems with at most this many entries take a tenth of a second or less: the calling thread solves them itself, in
 * turns with the event loop.
 */
const entriesWithoutWorker = 2 ** 22
/** The same for lists, of which every entry takes longer. */
const listedWithoutWorker = 2 ** 15

/** The fallback that needs no addon: the same contract, optimum and certificates, in plain TypeScript. */
export function createTypescriptBackend({ threads }: { readonly threads: number }): Backend {
  const workers = createWorkers(threads)
  return {
    name: 'typescript',
    simd: null,
    threads: workers.threads,
    solvers: ['jv', 'shortlist', 'greedy'],

    squaredRowNorms: (matrix) => runInTurns(rowProducts(matrix, null), {}),
    rowDots: async (matrix, vector) => {
      if (vector.length !== matrix.columns) throw wrongValue('vector', `${matrix.columns} elements`, vector)
      return runInTurns(rowProducts(matrix, vector), {})
    },
    squaredBlockNorms: (rows, control = {}) => runInTurns(squaredBlockNorms(rows), control),
    pairCosts: async (a, b, aIndex, bIndex, control = {}) => {
      if (aIndex.length !== bIndex.length) throw wrongValue('bIndex', `${aIndex.length} elements`, bIndex)
      return runInTurns(pairBlockCosts(a, b, aIndex, bIndex), control)
    },

    async costMatrix(a, b, control) {
      const loan = openLoan()
      try {
        const [x, y] = await readBoth(workers, a, b, loan, control)
        requireSinglePrecision(x, y)
        const out = allocateShared(Float32Array, a.count * b.count, 'the cost matrix')
        await formTogether(workers, { a: x, b: y, kind: 'nearest', negated: false, sign: 'same', out }, control)
        return out
      } finally {
        loan.end()
      }
    },

    async nearestRows(a, b, count, control, sign = 'same') {
      const loan = openLoan()
      try {
        const [x, y] = await readBoth(workers, a, b, loan, control)
        checkPoints(x, y)
        const index = allocateShared(Int32Array, a.count * count, 'nearest rows')
        const cost = allocateShared(Float64Array, a.count * count, 'costs of nearest rows')
        if (count > 0) await findNearestTogether(workers, { a: x, b: y, count, sign, index, cost }, control)
        return { index: index.slice(), cost: cost.slice(), backend: 'typescript' }
      } finally {
        loan.end()
      }
    },

    async solve(problem, control) {
      const { costs, ...options } = problem
      if (costs.kind === 'rows') return solveRows(workers, { ...problem, costs }, control)
      if (costs.kind === 'sparse') return solveLists(workers, costs, options, control)
      requireAttached('costs', costs.data)
      requireFixedLength('costs', costs.data)
      const packed = packRows(costs)
      // The caller may do with the array what he likes while the job runs.
      const ours = packed !== costs || costs.data.buffer instanceof SharedArrayBuffer
      const matrix = ours ? packed : { ...packed, data: movableCopy(packed.data) }
      const { buffer } = matrix.data
      if (matrix.data.length <= entriesWithoutWorker) return runInTurns(solveMatrix(matrix, options), control)
      const moved = buffer instanceof SharedArrayBuffer ? [] : [buffer]
      return workers.run('solveMatrix', { costs: matrix, options }, control, moved)
    },

    solveSync(problem) {
      const { costs, ...options } = problem
      if (costs.kind === 'rows') return runAtOnce(solveRowsAlone({ ...problem, costs }))
      requireAttached('costs', costs.data)
      return runAtOnce(costs.kind === 'sparse' ? solveSparse(costs, options) : solveMatrix(packRows(costs), options))
    },

    close: () => workers.close(),
  }
}

/** The caller's arrays are copied (but those that are shared): he may do with them what he likes while the job runs. */
async function solveLists(
  workers: Workers,
  costs: SparseCosts,
  options: SolveOptions,
  control: RunControl,
): Promise<Solution> {
  const moved: ArrayBuffer[] = []
  const own = <T extends Int32Array | Float32Array | Float64Array>(name: string, array: T): T => {
    requireAttached(name, array)
    requireFixedLength(name, array)
    if (array.buffer instanceof SharedArrayBuffer) return array
    const copy = movableCopy(array)
    moved.push(copy.buffer as ArrayBuffer)
    return copy
  }
  const args = {
    costs: { ...costs, indices: own('costs.indices', costs.indices), data: own('costs.data', costs.data) },
    options,
  }
  if (costs.indices.length <= listedWithoutWorker) return runInTurns(solveSparse(args.costs, options), control)
  return workers.run('solveSparse', args, control, moved)
}
