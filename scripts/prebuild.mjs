// Builds the addon into prebuilds/, as it is shipped, and checks which glibc it needs.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js')

// node-gyp downloads Node's headers, which our target of type `none` has no use for, unless it is given a folder.
const headers = path.join(root, 'build-cmake', 'no-headers')
mkdirSync(path.join(headers, 'include', 'node'), { recursive: true })
writeFileSync(path.join(headers, 'include', 'node', 'common.gypi'), '{}\n')

run(prebuildify, '--napi', '--strip', '--tag-libc', '-t', '20.19.0')
if (process.platform === 'linux') run('scripts/check-glibc.mjs')

function run(...args) {
  const env = { ...process.env, npm_config_nodedir: headers }
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
