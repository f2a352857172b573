import { SaeMatchError } from '../errors.js'
import { removeUnfinishedFiles } from '../output/atomic-file.js'

/** What a shell expects of a program that Ctrl-C stopped. */
export const interruptedExitCode = 130

/**
 * Runs `job` with a signal that Ctrl-C (SIGINT) or SIGTERM aborts, so that it can stop in order. A second one ends the
 * process at once; even then only whole files stay behind.
 */
export async function withInterrupt<T>(
  note: (text: string) => void,
  job: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) {
      removeUnfinishedFiles()
      process.exit(interruptedExitCode)
    }
    note('Stopping. Press Ctrl-C again to leave at once.')
    controller.abort(new SaeMatchError('CANCELLED', 'Interrupted'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    return await job(controller.signal)
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}
