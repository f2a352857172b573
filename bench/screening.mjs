// Would cheaper products do as a first look at the costs? Measures, on real SAEs, how many candidates a rigorous bound of
// lower precision leaves in each row, and what an entry costs here in a product and one by one. Slow: minutes a problem.
//   node bench/screening.mjs [FAMILY:N[:DIMENSION] ...]
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getBackend } from '../dist/backend/select.js'
import { readNpy } from '../dist/formats/npy.js'
import { npyHeader } from '../dist/output/npy.js'
import { rowMajor } from '../dist/tensor/matrix.js'
import { problemFiles } from './problem-files.mjs'

const folder = fileURLToPath(new URL('.', import.meta.url))
const python = join(folder, '../.cache/python/bin/python')
const listSize = 64
const repetitions = 5

const problems = process.argv.slice(2)
for (const problem of problems.length > 0 ? problems : ['real:4096', 'stacked:8192', 'planted-40:4096:576']) {
  const [family, n, dimension = '256'] = problem.split(':')
  const files = await problemFiles(family, Number(n), 1, Number(dimension))
  const [a, b] = [await rows(files.a), await rows(files.b)]
  const backend = await getBackend('native')
  const costs = { kind: 'rows', a, b, source: 'dense', memoryBudget: 2 ** 40 }
  const options = { maximize: false, unmatchedCost: Infinity, solver: 'shortlist', neighbours: false, verify: 'full' }
  const solution = await backend.solve({ costs, ...options }, {})
  if (!solution.certificate.optimal) throw new Error(`${problem} was not proved`)
  const prices = save(dirname(files.a), 'prices.npy', solution.v)
  const rowToColumn = save(dirname(files.a), 'row-to-column.npy', solution.rowToColumn)

  // Lists as a solver would have them: every row with its own few columns, all over B.
  const aIndex = Int32Array.from({ length: a.count * listSize }, (_, p) => Math.floor(p / listSize))
  const bIndex = Int32Array.from(aIndex, (i, p) => (i * 7919 + (p % listSize) * 104729) % b.count)
  const inProduct = (await least(() => backend.costMatrix(a, b, {}))) / (a.count * b.count)
  const alone = (await least(() => backend.pairCosts(a, b, aIndex, bIndex, {}))) / aIndex.length
  const { simd, threads } = backend
  const measured = { problem, simd, threads, nanosecondsInProduct: inProduct * 1e6, nanosecondsAlone: alone * 1e6 }
  const request = JSON.stringify({ ...files, prices, rowToColumn, measured })
  const { status } = spawnSync(python, [join(folder, 'screening.py'), request], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
process.exit(0)

function save(directory, name, data) {
  const path = join(directory, name)
  writeFileSync(path, Buffer.concat([npyHeader(data, [data.length]), new Uint8Array(data.buffer)]))
  return path
}

async function rows(path) {
  const { data, shape } = await readNpy(path)
  const [count, width] = shape
  const matrix = rowMajor(data, 'f32', count, width)
  return { blocks: [{ name: 'features', matrix, scale: null }], count, width, index: null }
}

/** The least of several times, in milliseconds: the machine may have other things to do. */
async function least(run) {
  let found = Infinity
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = performance.now()
    await run()
    found = Math.min(found, performance.now() - start)
  }
  return found
}
