import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Once before all tests: the Python environment, made here so that parallel test files do not make it twice. */
export default function setup(): void {
  const script = fileURLToPath(new URL('../../scripts/python-environment.mjs', import.meta.url))
  spawnSync(process.execPath, [script], { stdio: 'inherit' })
}
