// A result file as markdown tables: node bench/report.mjs [FILE.json] (default: the newest of bench/results)
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One table a problem: median with spread, ratio, memory; what failed says why. */
export function renderReport({ machine, options, cells }) {
  const { active, simd, threads } = machine.backend
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}`,
    `best backend: ${active}${simd === null ? '' : ` (${simd})`}, ${threads} threads; commit ${machine.commit.slice(0, 12)}${machine.dirty ? ' with changes' : ''}; ${machine.date}`,
    `Median of ${options.repetitions} (least .. most). Ratio: time over that of \`${options.against}\`; below 1 is faster.`,
    'Checked, outside the time: our answers for a matrix by `certify`, which shares no code with a solver; for feature rows by their own certificate and a recomputed cost; answers of others against a certified optimum; cost matrices at sampled entries in f64. What failed has no figure.',
  ]
  for (const [title, rows] of problems(cells)) lines.push('', `### ${title}`, '', ...renderTable(rows, options.against))
  return lines.join('\n')
}

/** The cells of one problem as a table; ratios where the contender they are formed with has a figure. */
export function renderTable(cells, against) {
  const base = cells.find(({ contender }) => contender === against)?.median
  const head = ['| contender | time | ratio | peak memory | notes |', '|---|---:|---:|---:|---|']
  const repetitions = Math.max(...cells.map(({ milliseconds }) => milliseconds?.length ?? 0))
  return [...head, ...cells.map((cell) => renderRow(cell, base, repetitions))]
}

function renderRow(cell, base, repetitions) {
  const { contender, failure, median, least, most, peakBytes } = cell
  if (failure !== undefined) return `| ${contender} | ${failure} | | | |`
  const ratio = base === undefined ? '' : (median / base).toPrecision(3)
  const spread = least === most ? '' : ` (${time(least)} .. ${time(most)})`
  return `| ${contender} | ${time(median)}${spread} | ${ratio} | ${(peakBytes / 1e6).toFixed(0)} MB | ${notes(cell, repetitions)} |`
}

/** What our solvers tell of themselves, and where fewer repetitions were enough. */
function notes({ contender, solver, work, inside, median, milliseconds }, repetitions) {
  const found = []
  if (milliseconds && milliseconds.length < repetitions) found.push(`median of ${milliseconds.length}`)
  if (solver !== undefined && contender.includes('/auto')) found.push(solver)
  if (work?.refreshes > 0) found.push(`${work.refreshes} lists made anew`)
  if (inside !== undefined && inside < 1) found.push(`${((median - inside) * 1000).toFixed(1)} us around the solver`)
  return found.join(', ')
}

function key({ family, n }) {
  return `${family}, n = ${n}`
}

/** Cells by problem, in the order they were measured. */
export function problems(cells) {
  const found = new Map()
  for (const cell of cells) found.set(key(cell), [...(found.get(key(cell)) ?? []), cell])
  return found
}

/** Three digits of milliseconds or seconds. */
export function time(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds.toPrecision(3)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('./results/', import.meta.url))
  const newest = () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
    return join(folder, files.sort().at(-1) ?? '')
  }
  console.log(renderReport(JSON.parse(readFileSync(process.argv[2] ?? newest(), 'utf8'))))
}
