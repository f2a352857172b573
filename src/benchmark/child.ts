import { spawn } from 'node:child_process'

/** How a child process ended. */
export type Ending =
  /** What the last line it printed says, as JSON. */
  | { readonly report: unknown }
  /** Why there is no report, in a few words. */
  | { readonly failure: string; readonly timedOut: boolean }

/**
 * Runs a program to its end, or ends it after `seconds` (at most 2^31 milliseconds).
 * @throws the reason of `signal`, once the child is gone
 */
export function runChild(
  program: string,
  args: readonly string[],
  seconds: number,
  signal?: AbortSignal,
): Promise<Ending> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, errors, timedOut] = ['', '', false]
    const kill = () => void child.kill('SIGKILL')
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, seconds * 1000)
    signal?.addEventListener('abort', kill, { once: true })
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk
    })
    child.on('error', ({ message }) => {
      errors = message
    })
    child.on('close', (code, endedBy) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      if (signal?.aborted) reject(signal.reason)
      else if (timedOut) resolve({ failure: `more than ${seconds} s`, timedOut })
      else if (code !== 0) resolve({ failure: saidLast(errors) ?? `ended with ${endedBy ?? code}`, timedOut })
      else resolve(readReport(out))
    })
  })
}

function readReport(out: string): Ending {
  try {
    return { report: JSON.parse(out.trim().split('\n').at(-1) ?? '') }
  } catch {
    return { failure: 'ended without a report', timedOut: false }
  }
}

/** The line of a stack trace that says what happened, else the last one; null if nothing was said. */
function saidLast(errors: string): string | null {
  const lines = errors.trim().split('\n')
  return lines.find((line) => /^\w*(Error|Exception)\b/.test(line)) ?? (lines.at(-1) || null)
}
