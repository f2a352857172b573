import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('../../.cache/python/bin/python', import.meta.url))
const complete = fileURLToPath(new URL('../../.cache/python/requirements.txt', import.meta.url))

/** The interpreter that has test/requirements.txt, or null where scripts/python-environment.mjs could not make it. */
export const python: string | null = existsSync(complete) ? path : null

/** What stands in the name of a test that is skipped without Python. */
export const needsPython = python === null ? ' (skipped: no Python, see scripts/python-environment.mjs)' : ''

/** Runs a Python script; gives what it prints and throws with what it complains about. */
export function runPython(script: string, args: readonly string[] = [], input = ''): string {
  if (python === null) throw new Error('no Python environment')
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', script, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`Python failed: ${error?.message ?? stderr}`)
  return stdout
}

/** Whether a module of Python is there; those below the comment of test/requirements.txt may be missing. */
export function hasModule(name: string): boolean {
  return python !== null && spawnSync(python, ['-c', `import ${name}`]).status === 0
}
