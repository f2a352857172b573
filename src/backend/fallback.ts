import { type ErrorCode, SaeMatchError } from '../errors.js'
import type { Backend } from './backend.js'

/** Failures of a GPU in the middle of a job that another backend may do again. */
const failuresInJobs: ReadonlySet<ErrorCode> = new Set(['OUT_OF_MEMORY', 'DEVICE_LOST', 'DEVICE_FAILED'])

/**
 * What `auto` is where it chose `cuda`: a backend of which jobs that fail on a GPU are done again on the CPU. After
 * `DEVICE_LOST` every job is. Solutions and nearest rows name the backend that made them; a job that begins again
 * reports its phases anew.
 *
 * @param cpu does all that is no job over feature rows as `gpu` does it
 * @param onFailure told of every failure before the job begins again
 */
export function withFallback(gpu: Backend, cpu: Backend, onFailure: (failure: SaeMatchError) => void): Backend {
  let current = gpu
  let turn: Promise<unknown> = Promise.resolve()

  /** @throws what is no failure of the GPU */
  function giveUp(error: unknown): void {
    if (!(error instanceof SaeMatchError) || !failuresInJobs.has(error.code)) throw error
    if (error.code === 'DEVICE_LOST') current = cpu
    onFailure(error)
  }

  /**
   * One job after the other, since their costs now take memory of the host: how many are under way was decided when they
   * did not.
   */
  async function inTurn<T>(job: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const before = turn
    let leave = () => {}
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    turn = before.then(() => left)
    try {
      await unlessAborted(before, signal)
      return await job()
    } finally {
      leave()
    }
  }

  async function attempt<T>(job: (backend: Backend) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (current === gpu) {
      try {
        return await job(gpu)
      } catch (error) {
        giveUp(error)
      }
    }
    return inTurn(() => job(cpu), signal)
  }

  return {
    ...cpu,
    get name() {
      return current.name
    },
    get simd() {
      return cpu.simd
    },
    get threads() {
      return cpu.threads
    },

    nearestRows: (a, b, count, control, sign) =>
      attempt((backend) => backend.nearestRows(a, b, count, control, sign), control.signal),

    solve: (problem, control) =>
      problem.costs.kind === 'rows'
        ? attempt((backend) => backend.solve(problem, control), control.signal)
        : current.solve(problem, control),

    solveSync(problem) {
      if (current === gpu && problem.costs.kind === 'rows') {
        try {
          return gpu.solveSync(problem)
        } catch (error) {
          giveUp(error)
        }
        return cpu.solveSync(problem)
      }
      return current.solveSync(problem)
    },

    async close() {
      await gpu.close()
      await cpu.close()
    },
  }
}

/** Waits for a promise that never rejects. @throws the reason of the signal as soon as it is aborted */
async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason)
  })
  signal?.addEventListener('abort', stop)
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
