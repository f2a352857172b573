// One cell of the table in JavaScript: reads the .npy files of a problem, prints one line of JSON.
import { readFileSync } from 'node:fs'
import { readNpy } from '../dist/formats/npy.js'
import { wrongWithCosts, wrongWithMatching, wrongWithSolution } from './check.mjs'
import { openCosts, openSolver, readMatrices } from './our-library.mjs'

const cell = JSON.parse(process.argv[2])
const run = await prepare(cell)
const milliseconds = []
let result
const begin = performance.now()
for (
  let repetition = 0;
  repetition < cell.repetitions && performance.now() - begin < 1000 * cell.enough;
  repetition++
) {
  const start = performance.now()
  result = await run()
  milliseconds.push((performance.now() - start) / cell.calls)
}
const peakBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ milliseconds, peakBytes, ...(await report(cell, result)) }))
process.exit(0)

/** A function that does what is measured, and nothing else. */
async function prepare({ contender, matrix, a, b, blocks, unmatchedCost }) {
  switch (contender.kind) {
    case 'ours':
      return openSolver(contender, { matrix, a, b, blocks, unmatchedCost })
    case 'ours-costs':
      return openCosts(contender, { a, b, blocks })
    default:
      return openPackage(contender.package, await readMatrices(matrix))
  }
}

/** npm contenders take arrays of rows; making those is not measured. The function returns the last result. */
async function openPackage(name, { matrices, rows, columns }) {
  const problems = matrices.map((data) =>
    Array.from({ length: rows }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns))),
  )
  const each = (solve) => () => problems.map(solve).at(-1)
  switch (name) {
    case 'munkres': {
      const { munkres } = await import('munkres')
      return each((costs) => fromPairs(munkres(costs), rows))
    }
    case 'munkres-js': {
      const { default: munkres } = await import('munkres-js')
      return each((costs) => fromPairs(munkres(costs), rows))
    }
    case 'linear-sum-assignment': {
      const { linearSumAssignment } = await import('linear-sum-assignment')
      return each((costs) => linearSumAssignment(costs, { maximaze: false }).rowAssignments)
    }
    default:
      throw new Error(`Unknown package ${name}`)
  }
}

async function readLastMatrix(path) {
  const { matrices, rows, columns } = await readMatrices(path)
  return { data: matrices.at(-1), rows, columns }
}

function fromPairs(pairs, rows) {
  const columns = new Array(rows).fill(-1)
  for (const [i, j] of pairs) columns[i] = j
  return columns
}

/** What a reader needs to trust the figure: what is wrong with it, or null, and of others' answers the cost. */
async function report({ contender, matrix, a, b, unmatchedCost }, found) {
  if (contender.kind === 'ours-costs') {
    const { costs, ...engine } = found
    return { ...engine, wrong: wrongWithCosts(await readNpy(a), await readNpy(b), costs) }
  }
  if (contender.kind === 'ours') {
    const { certificate, cost, backend, simd, threads, solver, source, milliseconds: phases, work, inside } = found
    const wrong =
      contender.source === 'matrix'
        ? wrongWithSolution(await readLastMatrix(matrix), found, unmatchedCost)
        : wrongWithMatching(await readNpy(a), await readNpy(b), found, unmatchedCost)
    return { certificate, cost, backend, simd, threads, solver, source, phases, inside, work, wrong }
  }
  const { data, rows, columns } = await readLastMatrix(matrix)
  const taken = new Set()
  let cost = 0
  for (let i = 0; i < rows; i++) {
    const j = Number(found[i])
    if (!(j >= 0)) continue
    taken.add(j)
    cost += data[i * columns + j]
  }
  const manifest = new URL(`./node_modules/${contender.package}/package.json`, import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
  return { oneToOne: taken.size === Math.min(rows, columns), cost, version }
}
