import { certify } from '../assignment/certificate.js'
import type { Backend, BackendName, MatrixCosts, Solution, SolverName } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import type { Rows } from '../sae/rows.js'
import { rowMajor } from '../tensor/matrix.js'
import { families } from './families.js'

/** One solver of one backend on one problem. */
export interface CellRequest {
  readonly family: string
  readonly size: number
  readonly seed: number
  readonly dimension: number
  readonly backend: BackendName
  readonly solver: SolverName
  /** How often it is measured. */
  readonly repetitions: number
}

/** What a cell found out. */
export interface CellReport {
  /** Of each repetition, from the finished matrix to the answer with its certificate. */
  readonly milliseconds: readonly number[]
  /** The most memory the process held until then, making the problem included. */
  readonly peakBytes: number
  readonly simd: string | null
  readonly threads: number
  /** The total of the assignment. */
  readonly cost: number
  /** Cost less lower bound, as the independent checker finds them. */
  readonly gap: number
  /** What of the gap may be rounding. */
  readonly roundingBound: number
  /** What the independent checker has against the answer, or null; a gap is no fault of a solver that is not exact. */
  readonly wrong: string | null
}

/**
 * Makes the problem, solves it over and over, checks the last answer. Only solving is timed: the costs of features are
 * formed beforehand, by the best backend here, so that every solver is given the same matrix.
 */
export async function measureCell(request: CellRequest): Promise<CellReport> {
  const costs = await makeCosts(request)
  const backend = await getBackend(request.backend)
  const { milliseconds, solution } = await repeat(backend, costs, request)
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return { milliseconds, peakBytes, simd: backend.simd, threads: backend.threads, ...check(costs, solution) }
}

async function makeCosts({ family, size, seed, dimension }: CellRequest): Promise<MatrixCosts> {
  const problem = families[family].make(size, seed, dimension)
  const { rows, columns } = problem
  if (problem.kind === 'matrix') return { kind: 'matrix', data: problem.data, rows, columns, rowStride: columns }
  const { a, b, width } = problem
  const data = await (await getBackend('auto')).costMatrix(asRows(a, rows, width), asRows(b, columns, width), {})
  return { kind: 'matrix', data, rows, columns, rowStride: columns }
}

function asRows(data: Float32Array<ArrayBuffer>, count: number, width: number): Rows {
  const matrix = rowMajor(data, 'f32', count, width)
  return { blocks: [{ name: 'features', matrix, scale: null }], count, width, index: null }
}

async function repeat(backend: Backend, costs: MatrixCosts, { solver, repetitions }: CellRequest) {
  const problem = {
    costs,
    solver,
    maximize: false,
    unmatchedCost: Number.POSITIVE_INFINITY,
    neighbours: false,
    verify: 'full' as const,
  }
  const milliseconds: number[] = []
  let solution: Solution
  do {
    const start = performance.now()
    solution = await backend.solve(problem, {})
    milliseconds.push(performance.now() - start)
  } while (milliseconds.length < repetitions)
  return { milliseconds, solution }
}

/** What `certify`, which shares no code with a solver, has to say of an answer to a square problem. */
export function check(
  { data, rows, columns }: MatrixCosts,
  { rowToColumn, v, solver, certificate }: Pick<Solution, 'rowToColumn' | 'v' | 'solver' | 'certificate'>,
): Pick<CellReport, 'cost' | 'gap' | 'roundingBound' | 'wrong'> {
  const { primal, gap, roundingBound, violations } = certify({ costs: data, rows, columns }, { rowToColumn, prices: v })
  const found = { cost: primal, gap, roundingBound }
  const gapsAllowed = solver === 'greedy' && Math.abs(gap) > roundingBound ? 1 : 0
  if (violations.length > gapsAllowed) return { ...found, wrong: violations[0] }
  const flattery = Math.abs(primal - certificate.primal)
  return { ...found, wrong: flattery > roundingBound ? `its own certificate is off by ${flattery}` : null }
}
