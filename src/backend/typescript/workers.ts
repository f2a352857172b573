import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { SaeMatchError } from '../../errors.js'
import type { RunControl } from '../backend.js'
import { inPackage } from '../location.js'
import { runInTurns, type Steps } from './steps.js'
import { type TaskName, type Tasks, tasks } from './tasks.js'
import type { Order, Reply } from './worker.js'

type Arguments<T extends TaskName> = Parameters<Tasks[T]>[0]
type Result<T extends TaskName> = ReturnType<Tasks[T]> extends Steps<infer R> ? R : never

/** A pool of worker threads, started when first needed. They do not keep the process alive while they are idle. */
export interface Workers {
  /** How many jobs run at the same time; 1 where worker threads cannot be started and the calling thread does it all. */
  readonly threads: number
  /**
   * Runs a task on a worker, or in turns with the event loop where there are none.
   * @param moved memory among the arguments that the worker gets for itself
   * @throws what the task throws; the reason of `signal`; what `onProgress` throws
   */
  run<T extends TaskName>(task: T, args: Arguments<T>, control: RunControl, moved?: ArrayBuffer[]): Promise<Result<T>>
  close(): Promise<void>
}

const workerFile = inPackage('typescript/worker.js')

/** The compiled worker lies beside this module; from TypeScript sources and in a bundle it may not be there. */
export function canStartWorkers(): boolean {
  return workerFile.protocol === 'file:' && existsSync(fileURLToPath(workerFile))
}

export function createWorkers(threads: number): Workers {
  if (!canStartWorkers()) {
    return {
      threads: 1,
      run: (task, args, control) => runInTurns(tasks[task](args as never) as Steps<never>, control),
      close: async () => {},
    }
  }
  const idle: Worker[] = []
  const all = new Set<Worker>()
  const waiting: ((worker: Worker) => void)[] = []

  function start(): Worker {
    const worker = new Worker(workerFile, { execArgv: [] })
    all.add(worker)
    worker.once('exit', () => all.delete(worker))
    return worker
  }

  /** A worker for the caller alone, or null where `signal` comes first. */
  async function acquire(signal: AbortSignal | undefined): Promise<Worker | null> {
    if (signal?.aborted) return null
    const worker = idle.pop() ?? (all.size < threads ? start() : await nextFree(signal))
    worker?.ref()
    return worker
  }

  function nextFree(signal: AbortSignal | undefined): Promise<Worker | null> {
    return new Promise((resolve) => {
      const take = (worker: Worker) => {
        signal?.removeEventListener('abort', leave)
        resolve(worker)
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(take), 1)
        resolve(null)
      }
      waiting.push(take)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  function release(worker: Worker): void {
    const next = waiting.shift()
    if (!all.has(worker)) next?.(start())
    else if (next) next(worker)
    else {
      worker.unref()
      idle.push(worker)
    }
  }

  return {
    threads,
    async run(task, args, control, moved = []) {
      const worker = await acquire(control.signal)
      if (worker === null) throw control.signal?.reason
      try {
        return (await runOn(worker, { task, args, moved }, control)) as never
      } finally {
        release(worker)
      }
    },
    async close() {
      idle.length = 0
      await Promise.all(Array.from(all, (worker) => worker.terminate()))
    },
  }
}

/** One job on one worker. It ends when the worker says so, also after a cancellation: it may be writing to memory. */
function runOn(
  worker: Worker,
  { task, args, moved }: { task: TaskName; args: unknown; moved: ArrayBuffer[] },
  { signal, onProgress }: RunControl,
): Promise<unknown> {
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  let stopped: { readonly reason: unknown } | null = null
  const stop = (reason: unknown) => {
    stopped ??= { reason }
    Atomics.store(cancelled, 0, 1)
  }
  const onAbort = () => stop(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort)

  return new Promise((resolve, reject) => {
    const onMessage = (reply: Reply) => {
      if ('progress' in reply) {
        try {
          if (stopped === null) onProgress?.(reply.progress)
        } catch (error) {
          stop(error)
        }
        return
      }
      finish()
      if (stopped !== null) reject(stopped.reason)
      else if ('result' in reply) resolve(reply.result)
      else reject(toError(reply.failure))
    }
    const onError = (error: Error & { code?: string }) => {
      finish()
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      reject(outOfMemory ? new SaeMatchError('OUT_OF_MEMORY', error.message, { cause: error }) : error)
    }
    const onExit = () => {
      finish()
      reject(stopped?.reason ?? new SaeMatchError('INTERNAL', 'The worker thread ended before its job'))
    }
    const finish = () => {
      signal?.removeEventListener('abort', onAbort)
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
    }
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage({ task, args, cancelled } satisfies Order, moved)
  })
}

function toError({ code, message, hint }: Extract<Reply, { failure: unknown }>['failure']): Error {
  return code === undefined ? new Error(message) : new SaeMatchError(code, message, { hint })
}
