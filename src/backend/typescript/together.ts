import type { Rows } from '../../sae/rows.js'
import type { Problem, RowCosts, RunControl, Solution } from '../backend.js'
import { allocateShared, shared } from './memory.js'
import { allocatePoints, type Points } from './points.js'
import { checkPoints } from './solve.js'
import type { FormCostsArguments } from './tasks.js'
import type { Workers } from './workers.js'

/** Feature rows read, and costs formed, by all worker threads at once; then solved on one of them. */
export async function solveRows(
  workers: Workers,
  { costs, ...options }: Problem & { readonly costs: RowCosts },
  control: RunControl,
): Promise<Solution> {
  const start = performance.now()
  const [a, b] = await readBoth(workers, costs.a, costs.b, control)
  checkPoints(a, b)
  const bytes = 8 * a.count * b.count
  const dense = costs.source === 'auto' ? bytes <= costs.memoryBudget : costs.source === 'dense'
  let formed: Float64Array | null = null
  if (dense) {
    formed = allocateShared(Float64Array, a.count * b.count, 'the cost matrix')
    const [fewer, more] = a.count > b.count ? [b, a] : [a, b]
    await formTogether(workers, { a: fewer, b: more, kind: 'bounds', negated: options.maximize, out: formed }, control)
  }
  const costMilliseconds = performance.now() - start
  return workers.run('solvePoints', { a, b, formed, costMilliseconds, options }, control)
}

export async function readBoth(workers: Workers, a: Rows, b: Rows, control: RunControl): Promise<[Points, Points]> {
  return [await readTogether(workers, a, control), await readTogether(workers, b, control)]
}

async function readTogether(workers: Workers, rows: Rows, control: RunControl): Promise<Points> {
  const points = allocatePoints(rows)
  const args = { rows: sharedRows(rows), points, next: new Int32Array(new SharedArrayBuffer(4)) }
  await onEveryWorker(workers, () => workers.run('readRows', args, { signal: control.signal }))
  return points
}

/** Fills `out` with the costs of all pairs. */
export async function formTogether(
  workers: Workers,
  costs: Omit<FormCostsArguments, 'next'>,
  { signal, onProgress }: RunControl,
): Promise<void> {
  const args = { ...costs, next: new Int32Array(new SharedArrayBuffer(4)) }
  let reported = 0
  const inOrder: RunControl = {
    signal,
    onProgress: (progress) => {
      if (progress.done <= reported) return
      reported = progress.done
      onProgress?.(progress)
    },
  }
  await onEveryWorker(workers, () => workers.run('formCosts', args, inOrder))
}

/** Waits for all before it passes on a failure: none may write to memory that the caller thinks is its own again. */
async function onEveryWorker(workers: Workers, run: () => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(Array.from({ length: workers.threads }, run))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** The same view over memory that worker threads can be given without a copy each. */
function sharedRows(rows: Rows): Rows {
  return {
    ...rows,
    blocks: rows.blocks.map((block) => ({ ...block, matrix: { ...block.matrix, data: shared(block.matrix.data) } })),
  }
}
