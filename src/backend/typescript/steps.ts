import type { Progress, RunControl } from '../backend.js'

/** Work cut into slices of about a millisecond: whoever drives it may report, pause or stop at every yield. */
export type Steps<T> = Generator<Progress | undefined, T, void>

/** Slices run for this long before the event loop gets its turn. */
const millisecondsBetweenTurns = 10

/**
 * Runs steps to their end on the calling thread.
 * @param observe is called at every yield and stops the work by throwing.
 */
export function runAtOnce<T>(steps: Steps<T>, observe: (progress: Progress | undefined) => void = () => {}): T {
  while (true) {
    const step = steps.next()
    if (step.done) return step.value
    observe(step.value)
  }
}

/**
 * Runs steps on the calling thread, giving way to the event loop in between.
 * @throws the reason of `signal`
 */
export async function runInTurns<T>(steps: Steps<T>, { signal, onProgress }: RunControl): Promise<T> {
  let turnEnds = performance.now() + millisecondsBetweenTurns
  signal?.throwIfAborted()
  while (true) {
    const step = steps.next()
    if (step.done) return step.value
    if (step.value) onProgress?.(step.value)
    if (performance.now() >= turnEnds) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      turnEnds = performance.now() + millisecondsBetweenTurns
    }
    signal?.throwIfAborted()
  }
}
