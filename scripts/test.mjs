// `npm test`: builds what is missing or stale, then runs the C++ tests and the vitest suite (arguments go to vitest).
// The last line is `N passed, N failed`, followed by `, N skipped` if there are any.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findProgram, missingTool } from './toolchain.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const reports = path.join(root, '.cache', 'test-reports')
const tests = { passed: 0, failed: 0, skipped: 0 }

rmSync(reports, { recursive: true, force: true })
mkdirSync(reports, { recursive: true })

step('python environment', () => node('scripts/python-environment.mjs'))
const built = step('typescript', () => node('scripts/build-typescript.mjs'))
const missing = missingTool()
if (missing !== null) {
  console.log(`No addon and no C++ tests: there is ${missing} here.`)
} else if (step('addon', () => node('scripts/build-native.mjs', 'Release'))) {
  step('C++ tests', () => runCppTests('Release'))
  if (['aarch64-linux-gnu-g++', 'qemu-aarch64-static', 'ninja'].every(findProgram)) {
    step('C++ tests for 64-bit Arm', () => runCppTests('neon-qemu', '--preset', 'neon-qemu'))
  }
  // prebuildify moves the addon away; the second build puts it back.
  step('prebuilds', () => node('scripts/prebuild.mjs') && node('scripts/build-native.mjs', 'Release'))
}
if (built) {
  step('vitest', runVitest)
  await tellBackends()
}
console.log(`${tests.passed} passed, ${tests.failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ''}`)
process.exitCode = tests.failed > 0 ? 1 : 0

/** Runs a step; one that fails without having counted a failed test counts as one. */
function step(name, run) {
  console.log(`== ${name}`)
  const before = tests.failed
  if (run()) return true
  console.log(`${name} failed`)
  if (tests.failed === before) tests.failed++
  return false
}

function command(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (error) console.log(error.message)
  return status === 0
}

function node(...args) {
  return command(process.execPath, args)
}

/** Configures, builds and runs the C++ tests in the build tree of that name. */
function runCppTests(tree, ...configure) {
  const folder = path.join('build-cmake', tree)
  const report = path.join(reports, `ctest-${tree}.xml`)
  const ready =
    command('cmake', ['-S', '.', '-B', folder, '-DSAE_MATCH_TESTS=ON', ...configure]) &&
    command('cmake', ['--build', folder, '--parallel', String(os.availableParallelism())])
  if (!ready) return false
  const passed = command('ctest', ['--test-dir', folder, '--output-on-failure', '--output-junit', report])
  if (!existsSync(report)) return false
  const [suite] = /<testsuite\b[^>]*>/.exec(readFileSync(report, 'utf8')) ?? ['']
  const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0)
  const skipped = count('skipped') + count('disabled')
  tests.failed += count('failures')
  tests.skipped += skipped
  tests.passed += count('tests') - count('failures') - skipped
  return passed && count('tests') > 0
}

function runVitest() {
  const report = path.join(reports, 'vitest.json')
  const passed = command(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json'],
      ...[`--outputFile.json=${report}`, ...process.argv.slice(2)],
    ],
    missing === null ? { REQUIRE_BACKEND: process.env.REQUIRE_BACKEND ?? 'native' } : {},
  )
  if (!existsSync(report)) return false
  const result = JSON.parse(readFileSync(report, 'utf8'))
  tests.passed += result.numPassedTests
  tests.failed += result.numFailedTests
  tests.skipped += result.numPendingTests + result.numTodoTests
  return passed
}

async function tellBackends() {
  const { backendAvailability, backendInfo } = await import(pathToFileURL(path.join(root, 'dist/backend/info.js')))
  for (const [name, { reason }] of Object.entries(backendAvailability())) {
    if (reason !== null) {
      console.log(`Backend ${name}: not tested. ${reason.message}`)
    } else {
      const { supportedSimd, threads } = backendInfo(name)
      console.log(
        `Backend ${name}: tested${supportedSimd.length ? ` on ${supportedSimd.join(', ')}` : ''}, ${threads} threads`,
      )
    }
  }
}
