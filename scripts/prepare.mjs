// Runs after `npm ci` in a clone (never for people who depend on the package): builds the TypeScript, and the addon
// where that is possible. Without the addon the package works, on the TypeScript backend.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingTool } from './toolchain.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

if (!existsSync(path.join(root, 'node_modules', 'typescript'))) {
  console.log('sae-match: TypeScript is not installed, nothing was built')
  process.exit(0)
}
const typescript = node('scripts/build-typescript.mjs')
if (typescript.status !== 0) {
  process.stdout.write(typescript.stdout + typescript.stderr)
  process.exit(1)
}

const missing = missingTool()
if (missing !== null) {
  console.log(`sae-match: ${missing} here, so the addon was not built; the TypeScript backend will serve`)
} else {
  const native = node('scripts/build-native.mjs', 'Release')
  if (native.status === 0) {
    console.log('sae-match: TypeScript and addon built')
  } else {
    process.stdout.write((native.stdout + native.stderr).split('\n').slice(-40).join('\n'))
    console.log('sae-match: building the addon failed (see above); the TypeScript backend will serve')
  }
}
