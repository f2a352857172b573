// Fails if a shipped binary needs a newer glibc than package.json promises (config.glibc).
// usage: node scripts/check-glibc.mjs [FILE...]   (default: everything below prebuilds/linux-*)
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const limit = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).config.glibc
const files = process.argv.length > 2 ? process.argv.slice(2) : shippedFiles()

if (files.length === 0) {
  console.error('No binaries below prebuilds/: run `npm run prebuilds` first')
  process.exit(1)
}
for (const file of files) {
  const needed = newestGlibc(execFileSync('objdump', ['-T', file], { encoding: 'utf8', maxBuffer: 2 ** 26 }))
  const fits = compareVersions(needed, limit) <= 0
  console.log(
    `${path.relative(process.cwd(), file)} needs glibc ${needed}, ${fits ? 'within' : 'ABOVE'} the limit of ${limit}`,
  )
  if (!fits) process.exitCode = 1
}

function shippedFiles() {
  const folder = path.join(root, 'prebuilds')
  const platforms = readdirSync(folder).filter((name) => name.startsWith('linux-'))
  return platforms.flatMap((name) => readdirSync(path.join(folder, name)).map((file) => path.join(folder, name, file)))
}

function newestGlibc(symbols) {
  const versions = [...symbols.matchAll(/\bGLIBC_(\d+(?:\.\d+)+)/g)].map(([, version]) => version)
  return versions.sort(compareVersions).at(-1) ?? '0'
}

function compareVersions(a, b) {
  const left = a.split('.').map(Number)
  const right = b.split('.').map(Number)
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if ((left[i] ?? 0) !== (right[i] ?? 0)) return (left[i] ?? 0) - (right[i] ?? 0)
  }
  return 0
}
