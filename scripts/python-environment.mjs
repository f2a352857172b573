// Makes .cache/python, the Python with which tests check our files and our optima, from test/requirements.txt.
// Does nothing where it is there already; where it cannot be made, says so in one line: those tests are then skipped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.cache', 'python')
const requirements = join(root, 'test', 'requirements.txt')
const wanted = readFileSync(requirements, 'utf8')
/** Written last: an environment without it, or with other requirements, is made again. */
const mark = join(folder, 'requirements.txt')

function isComplete() {
  return existsSync(mark) && readFileSync(mark, 'utf8') === wanted
}

/** The reason why a command failed, in one line, or null. */
function failure(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  if (status === 0) return null
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit status ${status}`
}

/** Installs everything, or at least what is above the comment in the list; gives the reason why even that failed. */
function install(python) {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1', '--timeout', '15']
  if (failure(python, [...pip, '--requirement', requirements]) === null) return null
  return failure(python, [...pip, ...wanted.slice(0, wanted.indexOf('#')).trim().split('\n')])
}

if (!isComplete()) {
  // Made under another name first, so that two runs at once cannot see each other's half an environment.
  const building = `${folder}-${process.pid}`
  mkdirSync(join(root, '.cache'), { recursive: true })
  const reason = failure('python3', ['-m', 'venv', building]) ?? install(join(building, 'bin', 'python'))
  if (reason === null) {
    writeFileSync(join(building, 'requirements.txt'), wanted)
    rmSync(folder, { recursive: true, force: true })
    try {
      renameSync(building, folder)
    } catch (error) {
      if (!isComplete()) throw error
    }
  }
  rmSync(building, { recursive: true, force: true })
  if (reason !== null) console.log(`No Python environment, tests that need one are skipped: ${reason}`)
}
