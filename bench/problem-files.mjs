// Problems as .npy files: every contender reads the very same numbers.
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npyHeader } from '../dist/output/npy.js'
import { families, generatorVersion } from './families.mjs'
import { costsOfFeatures, pairCosts } from './our-library.mjs'

const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url))

/**
 * Makes the files of a problem unless they are there already.
 * @param calls how many problems, of consecutive seeds, lie in the matrix one after another
 * @param dtype of the cost matrix; null for that of the family
 * @param withMatrix whether anyone needs the cost matrix of feature rows
 * @returns {Promise<{ rows: number, columns: number, width: number | null,
 *   blocks: { name: string, columns: number }[] | null, unmatchedCost: number | null,
 *   matrix: string | null, a: string | null, b: string | null }>}
 */
export async function problemFiles(family, n, seed, dimension, calls = 1, dtype = null, withMatrix = true) {
  const kept = withMatrix ? `${calls}-${dtype ?? families[family].dtype}` : 'rows'
  const folder = join(cache, `v${generatorVersion}`, `${family}-${n}-${dimension}-${seed}-${kept}`)
  const description = join(folder, 'problem.json')
  if (existsSync(description)) return JSON.parse(await readFile(description, 'utf8'))
  const [matrix, a, b] = ['costs', 'a', 'b'].map((name) => join(folder, `${name}.npy`))
  const { make, unmatchedCost } = families[family]
  await mkdir(folder, { recursive: true })

  const problem = await make(n, seed, dimension)
  const { rows, columns, kind } = problem
  const files = { rows, columns, width: null, blocks: null, unmatchedCost: null, matrix: null, a: null, b: null }
  if (kind === 'features') {
    Object.assign(files, { width: problem.width, blocks: problem.blocks, a, b })
    await writeNpy(a, problem.a, [rows, problem.width])
    await writeNpy(b, problem.b, [columns, problem.width])
  }
  if (withMatrix || kind === 'matrix') {
    files.matrix = matrix
    let costs = await costsOf(problem, dtype)
    if (unmatchedCost) files.unmatchedCost = unmatchedCost(await pairCosts(costs, rows, columns))
    if (calls > 1) {
      const all = new costs.constructor(calls * costs.length)
      all.set(costs)
      for (let call = 1; call < calls; call++) {
        all.set(await costsOf(await make(n, seed + call, dimension), dtype), call * costs.length)
      }
      costs = all
    }
    await writeNpy(matrix, costs, calls > 1 ? [calls, rows, columns] : [rows, columns])
  }
  await writeFile(description, JSON.stringify(files))
  return files
}

async function costsOf(problem, dtype) {
  const costs = problem.kind === 'features' ? await costsOfFeatures(problem) : problem.data
  if (dtype === null) return costs
  return dtype === 'f64' ? Float64Array.from(costs) : Float32Array.from(costs)
}

async function writeNpy(path, data, shape) {
  const temporary = `${path}.${process.pid}.tmp`
  const file = await open(temporary, 'w')
  try {
    await file.write(npyHeader(data, shape))
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    for (let at = 0; at < bytes.length; at += 2 ** 28) await file.writeFile(bytes.subarray(at, at + 2 ** 28))
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
