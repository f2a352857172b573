import type { Rows } from '../../sae/rows.js'
import type { Problem, RowCosts, RunControl, Solution } from '../backend.js'
import { type Loan, openLoan } from './loan.js'
import { shared } from './memory.js'
import type { NearestArguments } from './nearest.js'
import { allocatePoints, type Points } from './points.js'
import { checkPoints, type PointsOptions } from './solve.js'
import type { FormCostsArguments } from './tasks.js'
import type { Workers } from './workers.js'

/** A problem of feature rows. */
export type RowProblem = Problem & { readonly costs: RowCosts }

/** Feature rows read, and costs formed, by all worker threads at once; then solved on one of them. */
export async function solveRows(workers: Workers, problem: RowProblem, control: RunControl): Promise<Solution> {
  const loan = openLoan()
  try {
    const start = performance.now()
    const [a, b] = await readBoth(workers, problem.costs.a, problem.costs.b, loan, control)
    checkPoints(a, b)
    const forming = allocateFormed(problem, a, b, loan)
    if (forming !== null) await formTogether(workers, forming, control)
    const costMilliseconds = performance.now() - start
    const args = { a, b, formed: forming?.out ?? null, costMilliseconds, options: pointsOptions(problem) }
    return await workers.run('solvePoints', args, control)
  } finally {
    loan.end()
  }
}

/** What forming the whole matrix of lower bounds takes, or null where the problem is solved without one. */
export function allocateFormed(
  { costs, maximize }: RowProblem,
  a: Points,
  b: Points,
  loan: Loan,
): (Omit<FormCostsArguments, 'next'> & { readonly out: Float64Array }) | null {
  const bytes = 8 * a.count * b.count
  const dense = costs.source === 'auto' ? bytes <= costs.memoryBudget : costs.source === 'dense'
  if (!dense) return null
  const [fewer, more] = a.count > b.count ? [b, a] : [a, b]
  const out = loan.allocate(Float64Array, a.count * b.count, 'the cost matrix')
  return { a: fewer, b: more, kind: 'bounds', negated: maximize, sign: costs.sign ?? 'same', out }
}

export function pointsOptions({ costs, ...options }: RowProblem): PointsOptions {
  return { ...options, memoryBudget: costs.memoryBudget, sign: costs.sign ?? 'same' }
}

export async function readBoth(
  workers: Workers,
  a: Rows,
  b: Rows,
  loan: Loan,
  control: RunControl,
): Promise<[Points, Points]> {
  return [await readTogether(workers, a, loan, control), await readTogether(workers, b, loan, control)]
}

async function readTogether(workers: Workers, rows: Rows, loan: Loan, control: RunControl): Promise<Points> {
  const points = allocatePoints(rows, loan.allocate)
  const copies = openLoan()
  try {
    const args = { rows: sharedRows(rows, copies), points, next: new Int32Array(new SharedArrayBuffer(4)) }
    await onEveryWorker(workers, () => workers.run('readRows', args, { signal: control.signal }))
  } finally {
    copies.end()
  }
  return points
}

/** Fills `out` with the costs of all pairs. */
export async function formTogether(
  workers: Workers,
  costs: Omit<FormCostsArguments, 'next'>,
  control: RunControl,
): Promise<void> {
  const args = { ...costs, next: new Int32Array(new SharedArrayBuffer(4)) }
  const inOrder = risingProgress(control)
  await onEveryWorker(workers, () => workers.run('formCosts', args, inOrder))
}

/** Fills in what every point finds nearest. */
export async function findNearestTogether(
  workers: Workers,
  nearest: NearestArguments,
  control: RunControl,
): Promise<void> {
  const args = { ...nearest, next: new Int32Array(new SharedArrayBuffer(4)) }
  const inOrder = risingProgress(control)
  await onEveryWorker(workers, () => workers.run('nearestRows', args, inOrder))
}

/** Passes on progress of several threads as far as it is news. */
function risingProgress({ signal, onProgress }: RunControl): RunControl {
  let reported = 0
  return {
    signal,
    onProgress: (progress) => {
      if (progress.done <= reported) return
      reported = progress.done
      onProgress?.(progress)
    },
  }
}

/** Waits for all before it passes on a failure: none may write to memory that the caller thinks is its own again. */
async function onEveryWorker(workers: Workers, run: () => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(Array.from({ length: workers.threads }, run))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** The same view over memory that worker threads can be given without a copy each. */
function sharedRows(rows: Rows, { allocate }: Loan): Rows {
  return {
    ...rows,
    blocks: rows.blocks.map((block) => ({
      ...block,
      matrix: { ...block.matrix, data: shared(block.matrix.data, allocate) },
    })),
  }
}
