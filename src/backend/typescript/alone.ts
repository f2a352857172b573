import type { Rows } from '../../sae/rows.js'
import type { Solution } from '../backend.js'
import { allocatePoints, type Points } from './points.js'
import { checkPoints } from './solve.js'
import type { Steps } from './steps.js'
import { tasks } from './tasks.js'
import { allocateFormed, pointsOptions, type RowProblem } from './together.js'

/** What {@link solveRows} does together with worker threads, on one thread: the same tasks, hence the same bits. */
export function* solveRowsAlone(problem: RowProblem): Steps<Solution> {
  const start = performance.now()
  const a = yield* read(problem.costs.a)
  const b = yield* read(problem.costs.b)
  checkPoints(a, b)
  const forming = allocateFormed(problem, a, b)
  if (forming !== null) yield* tasks.formCosts({ ...forming, next: new Int32Array(1) })
  const costMilliseconds = performance.now() - start
  const formed = forming?.out ?? null
  return yield* tasks.solvePoints({ a, b, formed, costMilliseconds, options: pointsOptions(problem) })
}

function* read(rows: Rows): Steps<Points> {
  const points = allocatePoints(rows)
  yield* tasks.readRows({ rows, points, next: new Int32Array(1) })
  return points
}
