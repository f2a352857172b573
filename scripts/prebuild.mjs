// Builds the addon into prebuilds/, as it is shipped, and checks which glibc it needs.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js')

// node-gyp wants Node's headers although our target compiles nothing with them: the installed ones, if there are any,
// spare a download.
const prefix = path.dirname(path.dirname(process.execPath))
const env = { ...process.env }
if (!env.npm_config_nodedir && existsSync(path.join(prefix, 'include', 'node', 'common.gypi'))) {
  env.npm_config_nodedir = prefix
}

run(prebuildify, '--napi', '--strip', '--tag-libc', '-t', '20.19.0')
if (process.platform === 'linux') run('scripts/check-glibc.mjs')

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
