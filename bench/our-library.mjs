// What the cells call of the library: from typed arrays in memory to a permutation with its certificate.
import { getBackend } from '../dist/backend/select.js'
import { readNpy } from '../dist/formats/npy.js'
import { rowMajor } from '../dist/tensor/matrix.js'

const memoryBudget = 2 ** 40

/** The cost matrix of a feature problem, from the best backend. */
export async function costsOfFeatures({ a, b, rows, columns, width }) {
  const backend = await getBackend('auto')
  return backend.costMatrix(featureRows(a, rows, width), featureRows(b, columns, width), {})
}

/** A function that solves the problem in `files` once, with a full certificate. */
export async function openSolver({ backend: name, solver, source }, files) {
  const backend = await getBackend(name)
  const costs = source === 'matrix' ? await matrixCosts(files.matrix) : await rowCosts(files, source)
  const problem = { costs, maximize: false, unmatchedCost: Infinity, solver, neighbours: false, verify: 'full' }
  return async () => ({ ...(await backend.solve(problem, {})), ...engine(backend) })
}

/** A function that forms the cost matrix of the features in `files`. */
export async function openCosts({ backend: name }, files) {
  const backend = await getBackend(name)
  const { a, b } = await rowCosts(files, 'dense')
  return async () => {
    const costs = await backend.costMatrix(a, b, {})
    return { costs, ...engine(backend) }
  }
}

function engine({ name, simd, threads }) {
  return { backend: name, simd, threads }
}

async function matrixCosts(path) {
  const { data, shape } = await readNpy(path)
  return { kind: 'matrix', data, rows: shape[0], columns: shape[1], rowStride: shape[1] }
}

async function rowCosts(files, source) {
  const [a, b] = [await readNpy(files.a), await readNpy(files.b)]
  return {
    kind: 'rows',
    a: featureRows(a.data, a.shape[0], a.shape[1]),
    b: featureRows(b.data, b.shape[0], b.shape[1]),
    source,
    memoryBudget,
  }
}

function featureRows(data, count, width) {
  return {
    blocks: [{ name: 'features', matrix: rowMajor(data, 'f32', count, width), scale: null }],
    count,
    width,
    index: null,
  }
}
