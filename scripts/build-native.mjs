// Builds the addon with CMake (through cmake-js) and puts it where node-gyp-build looks.
// usage: node scripts/build-native.mjs [Release|Debug]
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const config = process.argv[2] ?? 'Release'
// Not below build/, which `node-gyp rebuild` deletes.
const buildTree = path.join(root, 'build-cmake', config)
const target = path.join(root, 'build', config)

if (config !== 'Release' && config !== 'Debug') fail(`Expected Release or Debug, got ${config}`)

let cmakeJs
try {
  cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js')
} catch {
  fail('Building the addon needs the npm packages cmake-js and node-addon-api: npm install cmake-js node-addon-api')
}

const { status, error } = spawnSync(
  process.execPath,
  [
    ...[cmakeJs, 'build', '--directory', root, '--out', buildTree, '--config', config],
    '--CDSAE_MATCH_CUDA=OFF', // scripts/build-cuda.mjs builds that
    ...['--target', 'sae_match_addon', '--parallel', String(os.availableParallelism())],
  ],
  { cwd: root, stdio: 'inherit' },
)
if (status !== 0) fail(`cmake-js failed${error ? `: ${error.message}` : ''}`)

// A process that has the old file open must keep it: replaced, not overwritten.
mkdirSync(target, { recursive: true })
const temporary = path.join(target, `sae_match.${process.pid}`)
copyFileSync(path.join(buildTree, 'sae_match.node'), temporary)
renameSync(temporary, path.join(target, 'sae_match.node'))

function fail(message) {
  console.error(message)
  process.exit(1)
}
