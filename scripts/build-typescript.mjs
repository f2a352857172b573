// Compiles src/ to dist/. The new dist/ replaces the old one as a whole: nothing is left of sources that are gone, and
// a failed compilation changes nothing.
import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
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
  writeManifest(path.join(building, 'backend', 'manifest.js'))
  rmSync(target, { recursive: true, force: true })
  renameSync(building, target)
} else {
  rmSync(building, { recursive: true, force: true })
  process.exitCode = 1
}

/** What the library must know of package.json, as constants: dist/ may be copied or bundled to where that is not. */
function writeManifest(file) {
  const { version, config } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const constants = { version, glibcLimit: config.glibc }
  const lines = Object.entries(constants).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`)
  writeFileSync(file, lines.join(''))
}
