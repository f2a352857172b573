import type { Rows } from '../../sae/rows.js'
import type { Solution } from '../backend.js'
import { type Loan, openLoan } from './loan.js'
import { allocatePoints, type Points } from './points.js'
import { checkPoints } from './solve.js'
import type { Steps } from './steps.js'
import { tasks } from './tasks.js'
import { allocateFormed, pointsOptions, type RowProblem } from './together.js'

/** What {@link solveRows} does together with worker threads, on one thread: the same tasks, hence the same bits. */
export function* solveRowsAlone(problem: RowProblem): Steps<Solution> {
  const loan = openLoan()
  try {
    const start = performance.now()
    const a = yield* read(problem.costs.a, loan)
    const b = yield* read(problem.costs.b, loan)
    checkPoints(a, b)
    const forming = allocateFormed(problem, a, b, loan)
    if (forming !== null) yield* tasks.formCosts({ ...forming, next: new Int32Array(1) })
    const costMilliseconds = performance.now() - start
    const formed = forming?.out ?? null
    return yield* tasks.solvePoints({ a, b, formed, costMilliseconds, options: pointsOptions(problem) })
  } finally {
    loan.end()
  }
}

function* read(rows: Rows, { allocate }: Loan): Steps<Points> {
  const points = allocatePoints(rows, allocate)
  yield* tasks.readRows({ rows, points, next: new Int32Array(1) })
  return points
}
