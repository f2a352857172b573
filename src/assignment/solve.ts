import type { Backend, Problem, Solution } from '../backend/backend.js'
import { type BackendRequest, getBackend, getBackendSync } from '../backend/select.js'
import { SaeMatchError } from '../errors.js'
import { type Costs, type ProblemOptions, type SolveOptions, toProblem } from './problem.js'
import type { Assignment } from './result.js'

/**
 * Solves a linear assignment problem exactly and proves it.
 *
 * @param costs row-major `Float32Array` or `Float64Array` of rows x columns, where `+Infinity` forbids a pair
 *   (`-Infinity` when maximizing); a strided view of such an array; or `{ indptr, indices, data, rows, columns }` (compressed sparse rows), where pairs
 *   that are not listed are forbidden; or feature rows `{ a, b }`, whose squared distances in f64 are the costs. Arrays
 *   above 16 MB are read in place: do not write or transfer them before the promise settles.
 * @returns partners both ways (-1 where alone), the total, prices u and v, and the certificate
 * @throws TypeError, RangeError; SaeMatchError `UNKNOWN_OPTION`, `COST_NAN`, `COST_RANGE`, `COST_DUPLICATE`,
 *   `INFEASIBLE` (names rows that have too few columns), `SOLVER_UNAVAILABLE`, `OUT_OF_MEMORY`, or a backend's reason;
 *   `signal.reason` when aborted
 */
export async function solveAssignment(costs: Costs, options: SolveOptions = {}): Promise<Assignment> {
  const problem = toProblem(costs, options, false)
  const backend = await getBackend((options.backend ?? 'auto') as BackendRequest)
  requireSolver(backend, problem.solver)
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const solution = await backend.solve(problem, { signal, onProgress })
  return withEngine(solution, backend.simd)
}

/**
 * {@link solveAssignment} on the calling thread, which it blocks: for small problems. The same answer to the bit; the
 * arrays of a small result may lie in one `ArrayBuffer`, so that to transfer one is to transfer all.
 * @throws as {@link solveAssignment}
 */
export function solveAssignmentSync(costs: Costs, options: ProblemOptions = {}): Assignment {
  const problem = toProblem(costs, options, true)
  const backend = getBackendSync((options.backend ?? 'auto') as BackendRequest)
  requireSolver(backend, problem.solver)
  return withEngine(backend.solveSync(problem), backend.simd)
}

/** Member by member: spreading an object takes longer than all else in a call for a tiny problem. */
function withEngine(solution: Solution, simd: Backend['simd']): Assignment {
  const { rowToColumn, columnToRow, u, v, cost, certificate, backend, solver, source } = solution
  const { timedOut, neighbours, work, milliseconds } = solution
  return {
    rowToColumn,
    columnToRow,
    u,
    v,
    cost,
    certificate,
    solver,
    source,
    timedOut,
    neighbours,
    work,
    milliseconds,
    backend,
    simd,
  }
}

function requireSolver(backend: Backend, solver: Problem['solver']): void {
  if (solver === 'auto' || backend.solvers.includes(solver)) return
  throw new SaeMatchError(
    'SOLVER_UNAVAILABLE',
    `The ${backend.name} backend has no solver \`${solver}\`; it has ${backend.solvers.join(', ')}`,
    { hint: 'Name another solver or another backend.' },
  )
}
