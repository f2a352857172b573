import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const loader = new URL('./typescript-loader.mjs', import.meta.url).href

/** What a child process left. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The arguments with which Node runs a file of this repository, TypeScript included. */
export function nodeArguments(file: URL, args: readonly string[]): string[] {
  return ['--import', loader, fileURLToPath(file), ...args]
}

/** Waits for a child process and collects what it writes. */
export function finished(child: ChildProcess): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Starts the command line of this package from its sources. */
export function spawnCommandLine(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string): ChildProcess {
  const main = new URL('../../src/cli/main.ts', import.meta.url)
  return spawn(process.execPath, nodeArguments(main, args), { env: { ...process.env, ...env }, cwd })
}

/** Runs the command line of this package from its sources to its end. */
export function runCommandLine(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string): Promise<Finished> {
  return finished(spawnCommandLine(args, env, cwd))
}
