// What a run over all pairs costs beyond its parts: its wall time against the sum of (load each SAE once + form, solve and
// audit the costs of each pair, alone). Each of the two in a process of its own, in turns; medians with least and largest.
//   node bench/all-pairs.mjs DIR... [--repetitions 5] [--pairs all|adjacent] [--baselines none|basic|all] [--in-flight N]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { solveAssignment } from '../dist/assignment/solve.js'
import { getBackend } from '../dist/backend/select.js'
import { runChild } from '../dist/benchmark/child.js'
import { describeMachine } from '../dist/benchmark/machine.js'
import { spread } from '../dist/benchmark/spread.js'
import { loadSae } from '../dist/matching/load.js'
import { matchPairs } from '../dist/pairs/match-pairs.js'
import { pairsSettings } from '../dist/pairs/options.js'
import { prepareRun } from '../dist/pairs/prepare.js'
import { featureRows } from '../dist/sae/rows.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repetitions: { type: 'string', default: '5' },
    pairs: { type: 'string', default: 'all' },
    baselines: { type: 'string', default: 'basic' },
    'in-flight': { type: 'string' },
    child: { type: 'string' },
    out: { type: 'string' },
  },
})
const { pairs, baselines, 'in-flight': inFlight } = values

if (values.child !== undefined) {
  const measure = { whole: measureWhole, parts: measureParts }[values.child]
  console.log(JSON.stringify(await measure(positionals, values.out)))
  process.exit(0)
}

/** The run as a user starts it: nothing is in the folder, and no hash of an input is known. */
async function measureWhole(folders, out) {
  const options = { pairs, out, baselines, ...(inFlight && { inFlight: Number(inFlight) }) }
  const start = performance.now()
  const run = await matchPairs(folders, options)
  const milliseconds = performance.now() - start
  const unproved = run.pairs.filter(({ record }) => !record.certificate.optimal)
  if (run.failed.length + unproved.length > 0) throw new Error('Not every pair was matched and proved')
  return { milliseconds, pairs: run.pairs.length }
}

/** The same SAEs and pairs; only what stands between the two clocks counts. */
async function measureParts(folders, out) {
  const { saes, pairs: planned } = await prepareRun(folders, pairsSettings({ pairs, out }), undefined)
  const needed = new Set(planned.flatMap(({ a, b }) => [a, b]))
  const backend = await getBackend('auto')
  const [load, solve] = [[], []]
  const rows = new Map()
  for (const place of needed) {
    const { result: sae, milliseconds } = await timed(() => loadSae(saes[place].path))
    load.push(milliseconds)
    rows.set(place, await featureRows(sae, {}, backend))
  }
  for (const { a, b } of planned) {
    const options = { verify: 'full', neighbours: true }
    const { result, milliseconds } = await timed(() => solveAssignment({ a: rows.get(a), b: rows.get(b) }, options))
    if (!result.certificate.optimal) throw new Error('Not every pair was proved')
    solve.push(milliseconds)
  }
  const [loading, solving] = [load, solve].map((times) => times.reduce((sum, time) => sum + time, 0))
  return { milliseconds: loading + solving, loading, solving, saes: needed.size, pairs: planned.length }
}

async function timed(work) {
  const start = performance.now()
  const result = await work()
  return { result, milliseconds: performance.now() - start }
}

/** @returns what a process of its own reports */
async function inChild(kind) {
  const folder = mkdtempSync(join(tmpdir(), 'sae-match-all-pairs-'))
  process.env.XDG_CACHE_HOME = join(folder, 'cache')
  try {
    const args = [...process.argv.slice(2), '--child', kind, '--out', join(folder, 'run')]
    const ending = await runChild(process.execPath, [fileURLToPath(import.meta.url), ...args], 3600)
    if ('failure' in ending) throw new Error(`${kind}: ${ending.failure}`)
    return ending.report
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const seconds = (times) => {
  const { median, least, most } = spread(times)
  return `${(median / 1000).toFixed(2)} s (${(least / 1000).toFixed(2)} to ${(most / 1000).toFixed(2)})`
}

const { cpu, cores, simd, node, addonCommit } = describeMachine()
console.log(`${cpu}, ${cores} cores, ${simd ?? 'no addon'}, Node ${node}, addon of ${addonCommit ?? 'no commit'}`)
const [whole, parts] = [[], []]
for (let repetition = 0; repetition < Number(values.repetitions); repetition++) {
  // in turns, and each first as often as the other
  for (const kind of repetition % 2 === 0 ? ['whole', 'parts'] : ['parts', 'whole']) {
    const report = await inChild(kind)
    ;(kind === 'whole' ? whole : parts).push(report)
    console.error(`${kind} ${repetition + 1}: ${(report.milliseconds / 1000).toFixed(2)} s`)
  }
}
const of = (reports, name = 'milliseconds') => reports.map((report) => report[name])
const ratio = spread(of(whole)).median / spread(of(parts)).median
console.log(
  `all of it   ${seconds(of(whole))}   ${whole[0].pairs} pairs, baselines ${baselines}, ${inFlight ?? 'as many as by default'} in flight`,
)
console.log(`its parts   ${seconds(of(parts))}   ${parts[0].saes} SAEs loaded, ${parts[0].pairs} pairs solved`)
console.log(`  loading   ${seconds(of(parts, 'loading'))}`)
console.log(`  solving   ${seconds(of(parts, 'solving'))}`)
console.log(`ratio of the medians ${ratio.toFixed(3)}`)
