import { parentPort } from 'node:worker_threads'
import type { ErrorCode } from '../../errors.js'
import type { Progress } from '../backend.js'
import { runAtOnce, type Steps } from './steps.js'
import { type TaskName, tasks } from './tasks.js'

/** What a worker thread is sent. */
export interface Order {
  readonly task: TaskName
  readonly args: unknown
  /** Shared; not 0 once the job is to stop. */
  readonly cancelled: Int32Array
}

/** What it answers with: progress any number of times, then one of the others. */
export type Reply =
  | { readonly progress: Progress }
  | { readonly result: unknown }
  | { readonly failure: { readonly code: ErrorCode | undefined; readonly message: string; readonly hint?: string } }

/** Between two reports of progress. */
const milliseconds = 50

parentPort?.on('message', ({ task, args, cancelled }: Order) => {
  const reply = (message: Reply) => parentPort?.postMessage(message)
  let reported = 0
  try {
    const steps = tasks[task](args as never) as Steps<unknown>
    const result = runAtOnce(steps, (progress) => {
      if (Atomics.load(cancelled, 0) !== 0) throw new Error('The job was cancelled')
      if (progress === undefined) return
      const now = performance.now()
      if (progress.done < progress.total && now - reported < milliseconds) return
      reported = now
      reply({ progress })
    })
    reply({ result })
  } catch (error) {
    const { code, message, hint } = error as { code?: ErrorCode; message: string; hint?: string }
    reply({ failure: { code, message, hint } })
  }
})
