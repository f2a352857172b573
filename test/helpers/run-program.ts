import { spawn } from 'node:child_process'

/** Runs a program while servers of this process answer it; gives what it prints and throws with what it complains about. */
export async function runProgram(
  program: string,
  args: readonly string[],
  environment: Record<string, string | undefined>,
): Promise<string> {
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, complaints]: string[][] = [[], []]
  child.stdout.setEncoding('utf8').on('data', (text) => out.push(text))
  child.stderr.setEncoding('utf8').on('data', (text) => complaints.push(text))
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (status !== 0) throw new Error(`${program} failed with ${status}: ${complaints.join('')}`)
  return out.join('')
}
