// Problems as .npy files: every contender reads the very same numbers.
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npyHeader } from '../dist/output/npy.js'
import { families, generatorVersion } from './families.mjs'
import { costsOfFeatures } from './our-library.mjs'

const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url))

/**
 * Makes the files of a problem unless they are there already.
 * @returns {Promise<{ rows: number, columns: number, width: number | null, matrix: string, a: string | null, b: string | null }>}
 */
export async function problemFiles(family, n, seed, dimension) {
  const folder = join(cache, `v${generatorVersion}`, `${family}-${n}-${dimension}-${seed}`)
  const description = join(folder, 'problem.json')
  if (existsSync(description)) return JSON.parse(await readFile(description, 'utf8'))
  const [matrix, a, b] = ['costs', 'a', 'b'].map((name) => join(folder, `${name}.npy`))
  const problem = await families[family].make(n, seed, dimension)
  const { rows, columns, kind } = problem
  await mkdir(folder, { recursive: true })
  await writeNpy(matrix, kind === 'features' ? await costsOfFeatures(problem) : problem.data, [rows, columns])
  const files = { rows, columns, width: null, matrix, a: null, b: null }
  if (kind === 'features') {
    Object.assign(files, { width: problem.width, a, b })
    await writeNpy(a, problem.a, [rows, problem.width])
    await writeNpy(b, problem.b, [columns, problem.width])
  }
  await writeFile(description, JSON.stringify(files))
  return files
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
