// Measures solvers against each other: one child process per cell, the median of several repetitions with the least and
// the largest, and no figure without a checked answer. `node bench/run.mjs --help` lists the options.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { backendInfo } from '../dist/backend/info.js'
import { runChild } from '../dist/benchmark/child.js'
import { describeMachine } from '../dist/benchmark/machine.js'
import { spread } from '../dist/benchmark/spread.js'
import { contenders, formsCostsOnly, knowsUnmatchedCost, needsFeatures, needsMatrix } from './contenders.mjs'
import { families } from './families.mjs'
import { renderReport, time } from './report.mjs'

const folder = fileURLToPath(new URL('.', import.meta.url))
const python = ['.cache/python/bin/python', '.cache/python/Scripts/python.exe']
  .map((path) => join(folder, '..', path))
  .find(existsSync)

const { values: options } = parseArgs({
  options: {
    families: { type: 'string', default: 'planted-40,real,uniform,integers' },
    sizes: { type: 'string', default: '512,1024' },
    contenders: { type: 'string', default: Object.keys(contenders).join(',') },
    against: { type: 'string', default: 'native/shortlist' },
    repetitions: { type: 'string', default: '5' },
    enough: { type: 'string', default: '60' },
    timeout: { type: 'string', default: '300' },
    dimension: { type: 'string', default: '256' },
    seed: { type: 'string', default: '1' },
    calls: { type: 'string', default: '1' },
    dtype: { type: 'string', default: '' },
    out: { type: 'string', default: join(folder, 'results') },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) help()
else await main()

function help() {
  console.log(`node bench/run.mjs [options]      (npm ci --prefix bench first, for the npm contenders)

  --families a,b      of: ${Object.keys(families).join(', ')}; all
  --sizes 512,1024    rows and columns; families of real SAEs take those they have
  --contenders a,b    names, or beginnings of several (native, npm, typescript); default all:
                      ${Object.keys(contenders).join(', ')}
  --against NAME      what ratios are formed with (${options.against})
  --repetitions N     of each cell, in one process (${options.repetitions})
  --enough SECONDS    after which a cell is not repeated again (${options.enough})
  --timeout SECONDS   for a cell (${options.timeout})
  --dimension D       of planted features (${options.dimension})
  --seed N            of random families (${options.seed})
  --dtype f32|f64     of the cost matrix, where that is not left to the family
  --calls N           problems of consecutive seeds, solved one after another; times are those of one (${options.calls})
  --out DIR           where the JSON goes (bench/results)`)
}

async function main() {
  const list = (text) => text.split(',').filter((part) => part !== '')
  const familyNames = options.families === 'all' ? Object.keys(families) : list(options.families)
  for (const name of familyNames) if (!(name in families)) throw new Error(`Unknown family ${name}`)
  const chosen = list(options.contenders).flatMap((wanted) =>
    wanted in contenders ? [wanted] : Object.keys(contenders).filter((name) => name.startsWith(wanted)),
  )
  const sizes = list(options.sizes).map(Number)

  const results = { schemaVersion: 1, machine: machine(), options, cells: [] }
  for (const family of familyNames) {
    const unavailable = families[family].unavailable?.() ?? null
    if (unavailable !== null) {
      console.error(`${family}: skipped, ${unavailable}`)
      continue
    }
    for (const n of sizes.filter((size) => families[family].sizes?.includes(size) ?? true)) {
      results.cells.push(...(await measureProblem(family, n, chosen)))
    }
  }
  await mkdir(options.out, { recursive: true })
  const file = join(options.out, `${results.machine.date.replaceAll(/[:.]/g, '-')}.json`)
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`)
  console.log(renderReport(results))
  console.error(`\n${file}`)
}

/** All cells of one problem. Our answers are checked by `check.mjs`, those of others held against a certified optimum. */
async function measureProblem(family, n, chosen) {
  const withMatrix = chosen.some((name) => needsMatrix(contenders[name]))
  const { seed, dimension, calls, dtype } = options
  const problem = await child(process.execPath, [
    '--max-old-space-size=8192',
    join(folder, 'make-problem.mjs'),
    ...[family, n, seed, dimension, calls, dtype, withMatrix],
  ])
  if ('failure' in problem) throw new Error(`${family} ${n}: ${problem.failure}`)
  const reference = problem.matrix === null ? null : await measureReference(problem)
  const cells = []
  for (const name of chosen) {
    if (needsFeatures(contenders[name]) && problem.a === null) continue
    if (problem.unmatchedCost !== null && !knowsUnmatchedCost(contenders[name])) continue
    const found = await measure(name, problem, Number(options.repetitions))
    const failure = found.failure ?? judge(contenders[name], found, reference)
    const figures = failure === null ? { ...found, ...spread(found.milliseconds) } : { failure }
    cells.push({ family, n, contender: name, ...figures })
    const shown = failure ?? `${time(figures.median)} (${time(figures.least)} .. ${time(figures.most)})`
    console.error(`${family} ${n}  ${name}  ${shown}`)
  }
  return cells
}

/** A certified optimum that others are held against. */
async function measureReference(problem) {
  const cell = await measure('native/shortlist', problem, 1)
  return 'failure' in cell ? measure('typescript/shortlist', problem, 1) : cell
}

/** Why a cell's figure must not be shown, or null. */
function judge(contender, found, reference) {
  if (formsCostsOnly(contender)) return found.wrong
  if (contender.kind === 'ours') {
    return found.certificate.optimal ? found.wrong : `not proved: gap ${found.certificate.gap}`
  }
  if (!found.oneToOne) return 'the answer is not one-to-one'
  if (!reference?.certificate?.optimal || reference.wrong !== null) return 'no certified optimum to compare with'
  const excess = found.cost - reference.cost
  return Math.abs(excess) <= reference.certificate.roundingBound
    ? null
    : `not the optimum: ${(excess / Math.abs(reference.cost)).toExponential(1)} too dear`
}

function measure(name, problem, repetitions) {
  const contender = contenders[name]
  const cell = JSON.stringify({
    contender,
    ...problem,
    repetitions,
    enough: Number(options.enough),
    calls: Number(options.calls),
  })
  if (contender.kind !== 'python') {
    return child(process.execPath, ['--max-old-space-size=8192', join(folder, 'cell.mjs'), cell])
  }
  if (python === undefined)
    return { failure: 'skipped: no .cache/python (node scripts/python-environment.mjs makes it)' }
  return child(python, [join(folder, 'contenders.py'), cell])
}

/** Runs one cell to its end: its report, or why there is none. */
async function child(program, args) {
  const ending = await runChild(program, args.map(String), Number(options.timeout))
  return ending.report ?? { failure: ending.failure }
}

/** Without this a number means nothing. */
function machine() {
  const git = (...args) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim()
  return {
    ...describeMachine(),
    commit: git('rev-parse', 'HEAD'),
    dirty: git('status', '--porcelain', '--untracked-files=no') !== '',
    backend: backendInfo(),
  }
}
