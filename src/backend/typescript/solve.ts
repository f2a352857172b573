import { SaeMatchError } from '../../errors.js'
import {
  defaultMemoryBudget,
  type MatrixCosts,
  type Problem,
  type RowSign,
  type Solution,
  type SolverName,
  type SparseCosts,
} from '../backend.js'
import type { Answer, Origin } from './answer.js'
import { emptySolution, toSolution } from './answer.js'
import type { Claim, Proof } from './audit.js'
import { audit } from './audit.js'
import type { CostFacts } from './check-costs.js'
import { checkCosts, largestCost, tooLarge } from './check-costs.js'
import { completeMatching } from './feasibility.js'
import { solveGreedy } from './greedy.js'
import { solveJv } from './jv.js'
import { proveFromLists } from './list-proof.js'
import { MatrixSource } from './matrix-source.js'
import { neighbourSweep } from './neighbours.js'
import { orient } from './orientation.js'
import type { Points } from './points.js'
import { RowsSource } from './rows-source.js'
import { resumeShortlist, solveShortlist } from './shortlist.js'
import type { CostSource } from './source.js'
import { readSparse } from './sparse-source.js'
import type { Steps } from './steps.js'

/** What is asked for besides the costs. */
export type SolveOptions = Omit<Problem, 'costs'>

/** The same for any source. */
interface SourceOptions extends SolveOptions {
  /** As in {@link RowCosts}. */
  readonly memoryBudget: number
}

/** The same for feature rows. */
export interface PointsOptions extends SourceOptions {
  readonly sign: RowSign
}

/** Where nobody asked for a solver: matrices of at most this many entries are solved faster by `jv`. */
const mostEntriesOfJv = 2 ** 14

function solverFor({ solver, prices }: SolveOptions, matrixEntries: number): SolverName {
  if (solver !== 'auto') return solver
  return matrixEntries <= mostEntriesOfJv && prices === undefined ? 'jv' : 'shortlist'
}

/** How often the rounding of prices over a long run may be repaired by a finish from the audited prices. */
const repairs = 3

/** Solves a caller's matrix. @throws `COST_NAN`, `COST_RANGE`, `INFEASIBLE`, `SOLVER_UNAVAILABLE`, `OUT_OF_MEMORY` */
export function* solveMatrix(costs: MatrixCosts, options: SolveOptions): Steps<Solution> {
  const { rows, columns } = costs
  const { maximize, unmatchedCost, neighbours } = options
  const solver = solverFor(options, rows * columns)
  const origin: Origin = { transposed: rows > columns, negated: maximize, source: 'dense', solver }
  if (rows === 0 || columns === 0) return emptySolution(rows, columns, neighbours, origin)
  const start = performance.now()
  const facts = yield* checkCosts(costs, maximize, unmatchedCost)
  const oriented = yield* orient(costs, maximize)
  const source = new MatrixSource(oriented.data, oriented.rows, oriented.columns)
  const milliseconds = performance.now() - start
  return yield* solveSource(source, facts, milliseconds, origin, { ...options, memoryBudget: defaultMemoryBudget })
}

/** Solves a caller's lists. @throws as {@link solveMatrix}, `COST_DUPLICATE` */
export function* solveSparse(costs: SparseCosts, options: SolveOptions): Steps<Solution> {
  const { rows, columns } = costs
  const { maximize, unmatchedCost, neighbours } = options
  const solver = solverFor(options, Number.POSITIVE_INFINITY)
  const origin: Origin = { transposed: rows > columns, negated: maximize, source: 'sparse', solver }
  if (rows === 0 || columns === 0) return emptySolution(rows, columns, neighbours, origin)
  const start = performance.now()
  const { source, facts } = yield* readSparse(costs, maximize, unmatchedCost)
  const milliseconds = performance.now() - start
  return yield* solveSource(source, facts, milliseconds, origin, { ...options, memoryBudget: defaultMemoryBudget })
}

/**
 * Solves for the squared distances of points.
 * @param formed see {@link RowsSource}, for the side with fewer points as its rows
 * @throws `COST_RANGE`, `SOLVER_UNAVAILABLE`, `OUT_OF_MEMORY`
 */
export function* solvePoints(
  a: Points,
  b: Points,
  formed: Float64Array | null,
  costMilliseconds: number,
  options: PointsOptions,
): Steps<Solution> {
  const { maximize, neighbours, sign } = options
  const transposed = a.count > b.count
  const solver = solverFor(options, Number.POSITIVE_INFINITY)
  const origin: Origin = { transposed, negated: maximize, source: formed === null ? 'implicit' : 'dense', solver }
  if (a.count === 0 || b.count === 0) return emptySolution(a.count, b.count, neighbours, origin)
  const source = transposed
    ? new RowsSource(b, a, maximize, formed, sign)
    : new RowsSource(a, b, maximize, formed, sign)
  return yield* solveSource(source, null, costMilliseconds, origin, options)
}

/** @throws `COST_RANGE` where squared distances of these points could leave the range of f64, or are not numbers */
export function checkPoints(a: Points, b: Points): void {
  const limit = largestCost(a.count, b.count)
  const size = largestDistance(a, b)
  if (!(size <= limit)) throw tooLarge(size, limit)
}

/** @throws `COST_RANGE` where squared distances of these points could leave the range of f32, or are not numbers */
export function requireSinglePrecision(a: Points, b: Points): void {
  const size = largestDistance(a, b)
  if (size <= largestSingle) return
  throw new SaeMatchError('COST_RANGE', `Expected squared distances in the range of f32, got up to ${size}`)
}

const largestSingle = (2 - 2 ** -23) * 2 ** 127

/** No squared distance of these points is larger. */
function largestDistance(a: Points, b: Points): number {
  const largest = (points: Points) => points.squaredNorms.reduce((max, norm) => Math.max(max, norm), 0)
  return 2 * (largest(a) + largest(b))
}

/** @param facts what is known of the costs; null where all are finite */
function* solveSource(
  source: CostSource,
  facts: CostFacts | null,
  costMilliseconds: number,
  origin: Origin,
  options: SourceOptions,
): Steps<Solution> {
  const { unmatchedCost, verify, neighbours } = options
  const { solver } = origin
  const milliseconds = { cost: costMilliseconds, solve: 0, verify: 0 }
  const claim = ({ rowToColumn, v }: Answer): Claim => ({ source, unmatchedCost, rowToColumn, v })

  // Greedy is what the others end in, so nothing cuts it short.
  const limit = solver === 'greedy' ? undefined : options.timeLimit
  const deadline = performance.now() - costMilliseconds + 1000 * (limit ?? Number.POSITIVE_INFINITY)
  let timedOut = false
  let answer = yield* timed('solve', untilDeadline())
  yield { phase: 'solve', done: 2 * source.rows, total: 2 * source.rows }
  let proved = yield* timed('verify', prove(answer))
  for (let repair = 0; repair < repairs && solver !== 'greedy' && !timedOut && !proved.certificate.optimal; repair++) {
    answer = yield* silently(timed('solve', repaired(answer, proved.v)))
    proved = yield* silently(timed('verify', prove(answer)))
  }
  const exactCosts = source.exactCosts
  return toSolution({ answer, ...proved, exactCosts, milliseconds, origin, timedOut })

  /** A greedy answer where the solver that was asked for is not done in time. */
  function* untilDeadline(): Steps<Answer> {
    const steps = firstAnswer(source, facts, origin, options)
    while (true) {
      const step = steps.next()
      if (step.done) return step.value
      if (performance.now() >= deadline) break
      yield step.value
    }
    timedOut = true
    return yield* silently(firstAnswer(source, facts, { ...origin, solver: 'greedy' }, options))
  }

  function* prove(answer: Answer): Steps<Proof & Pick<Solution, 'neighbours'>> {
    if (verify === 'shortlist' && answer.market !== null && !neighbours) {
      const proof = proveFromLists(claim(answer), answer.market)
      if (proof.certificate.optimal) return { ...proof, neighbours: null }
    }
    const sweep = neighbours ? neighbourSweep(source, answer.rowToColumn) : null
    const proof = yield* audit(claim(answer), sweep?.visit)
    return { ...proof, neighbours: sweep?.result(origin.transposed, origin.negated) ?? null }
  }

  function* repaired(before: Answer, v: Float64Array): Steps<Answer> {
    const again = yield* resumeShortlist({ ...claim(before), v })
    const { bids, refreshes, labels } = before
    return {
      ...again,
      bids: again.bids + bids,
      refreshes: again.refreshes + refreshes,
      labels: again.labels + labels,
    }
  }

  function* timed<T>(phase: 'solve' | 'verify', steps: Steps<T>): Steps<T> {
    const start = performance.now()
    const result = yield* steps
    milliseconds[phase] += performance.now() - start
    return result
  }
}

function* firstAnswer(
  source: CostSource,
  facts: CostFacts | null,
  { transposed, negated, solver }: Origin,
  { unmatchedCost, memoryBudget, prices }: SourceOptions,
): Steps<Answer> {
  const { rows, columns } = source
  const answerOf = (rowToColumn: Int32Array, work: Partial<Answer>): Answer => {
    return { rowToColumn, v: new Float64Array(columns), market: null, bids: 0, refreshes: 0, labels: 0, ...work }
  }
  if (facts?.constant) {
    const inOrder = source.cost(0, 0) <= unmatchedCost
    return answerOf(
      Int32Array.from({ length: rows }, (_, i) => (inOrder ? i : -1)),
      {},
    )
  }
  const caller = transposed ? { row: 'column', column: 'row' } : { row: 'row', column: 'column' }
  const complete = facts?.forbidden && unmatchedCost === Number.POSITIVE_INFINITY
  if (solver === 'greedy') {
    const { rowToColumn, refreshes } = yield* solveGreedy(source, unmatchedCost)
    // What the cheapest pairs have left may not fit together.
    return answerOf(complete ? yield* completeMatching(source, rowToColumn, caller) : rowToColumn, { refreshes })
  }
  if (complete) yield* completeMatching(source, new Int32Array(rows).fill(-1), caller)
  if (solver === 'shortlist') {
    const given = prices?.map((price) => (negated ? -price : price)) ?? null
    return yield* solveShortlist(source, unmatchedCost, given)
  }
  const { rowToColumn, v, work } = yield* solveJv(source, unmatchedCost, memoryBudget)
  return answerOf(rowToColumn, { v, ...work })
}

/** The same steps without their progress, which has been reported before. */
function* silently<T>(steps: Steps<T>): Steps<T> {
  while (true) {
    const step = steps.next()
    if (step.done) return step.value
    yield
  }
}
