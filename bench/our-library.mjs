// What the cells call of the library: from typed arrays in memory to a permutation with its certificate.
import { solveAssignment, solveAssignmentSync } from '../dist/assignment/solve.js'
import { getBackend } from '../dist/backend/select.js'
import { readNpy } from '../dist/formats/npy.js'

const memoryBudget = 2 ** 40

/** The cost matrix of a feature problem, from the best backend. */
export async function costsOfFeatures({ a, b, rows, columns, blocks }) {
  const backend = await getBackend('auto')
  return backend.costMatrix(featureRows(a, rows, blocks), featureRows(b, columns, blocks), {})
}

/** The costs of the pairs of the best full assignment. */
export async function pairCosts(costs, rows, columns) {
  const { rowToColumn } = await solveAssignment(costs, { rows, columns })
  return Float64Array.from(rowToColumn, (j, i) => costs[i * columns + j])
}

/**
 * A function that solves the problem in `files` once, with a full certificate; where the file holds several matrices,
 * every one of them, to return the last result. Those calls go through the package's public functions.
 */
export async function openSolver({ backend: name, solver, source, sync = false }, files) {
  const backend = await getBackend(name)
  const unmatchedCost = files.unmatchedCost ?? Number.POSITIVE_INFINITY
  if (source === 'matrix') {
    const { matrices, rows, columns } = await readMatrices(files.matrix)
    const options = { rows, columns, unmatchedCost, solver, backend: name }
    return async () => {
      let solution
      let inside = 0
      for (const matrix of matrices) {
        solution = sync ? solveAssignmentSync(matrix, options) : await solveAssignment(matrix, options)
        const { cost, solve, verify } = solution.milliseconds
        inside += cost + solve + verify
      }
      return { ...solution, threads: backend.threads, inside: inside / matrices.length }
    }
  }
  const costs = await rowCosts(files, source)
  const problem = { costs, maximize: false, unmatchedCost, solver, neighbours: false, verify: 'full' }
  return async () => ({ ...(await backend.solve(problem, {})), ...engine(backend) })
}

/** The matrices of a file of one [rows, columns] or of several [calls, rows, columns]. */
export async function readMatrices(path) {
  const { data, shape } = await readNpy(path)
  const [rows, columns] = shape.slice(-2)
  const count = shape.length === 3 ? shape[0] : 1
  const matrices = Array.from({ length: count }, (_, k) => data.subarray(k * rows * columns, (k + 1) * rows * columns))
  return { matrices, rows, columns }
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

async function rowCosts(files, source) {
  const [a, b] = [await readNpy(files.a), await readNpy(files.b)]
  return {
    kind: 'rows',
    a: featureRows(a.data, a.shape[0], files.blocks),
    b: featureRows(b.data, b.shape[0], files.blocks),
    source,
    memoryBudget,
  }
}

function featureRows(data, count, parts) {
  const width = parts.reduce((sum, { columns }) => sum + columns, 0)
  let offset = 0
  const blocks = parts.map(({ name, columns }) => {
    const matrix = { data, dtype: 'f32', rows: count, columns, rowStride: width, columnStride: 1, offset }
    offset += columns
    return { name, matrix, scale: null }
  })
  return { blocks, count, width, index: null }
}
