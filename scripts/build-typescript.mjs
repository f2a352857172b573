// Compiles src/ to dist/. The new dist/ replaces the old one as a whole: nothing is left of sources that are gone, and
// a failed compilation changes nothing.
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const target = path.join(root, 'dist')
const building = `${target}-${process.pid}`
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')

const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', building], {
  cwd: root,
  stdio: 'inherit',
})
if (status === 0) {
  rmSync(target, { recursive: true, force: true })
  renameSync(building, target)
} else {
  rmSync(building, { recursive: true, force: true })
  process.exitCode = 1
}
