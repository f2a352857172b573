// What a cell's answer is held against, outside the measured time: nothing here is shared with a solver or a kernel.
import { certify } from '../dist/assignment/certificate.js'

/** How many entries of a formed cost matrix are recomputed. */
const samples = 2000

/** What is wrong with an assignment of a matrix and its prices, or null. */
export function wrongWithSolution({ data, rows, columns }, { rowToColumn, u, v }, unmatchedCost = null) {
  const prices = rows > columns ? u : v
  const { violations } = certify(
    { costs: data, rows, columns, unmatchedCost: unmatchedCost ?? Infinity },
    { rowToColumn, prices },
  )
  return violations.length === 0 ? null : `refuted: ${violations[0]}`
}

/** What is wrong with an assignment of feature rows, or null: one-to-one, and as dear as it says. */
export function wrongWithMatching(a, b, { rowToColumn, cost, certificate }, unmatchedCost = null) {
  const pairs = [...rowToColumn].map((j, i) => [i, j]).filter(([, j]) => j >= 0)
  const taken = new Set(pairs.map(([, j]) => j))
  const alone = Math.min(a.shape[0], b.shape[0]) - pairs.length
  if (taken.size !== pairs.length || (alone > 0 && unmatchedCost === null)) return 'the answer is not one-to-one'
  const recomputed = pairs.reduce((sum, [i, j]) => sum + distance(a, i, b, j).square, alone * (unmatchedCost ?? 0))
  const error = Math.abs(recomputed - cost)
  const rounding = (a.shape[1] + pairs.length) * 2 ** -52 * Math.abs(recomputed)
  return error <= rounding + certificate.roundingBound ? null : `its cost is off by ${error}`
}

/** What is wrong with an f32 matrix of squared distances, or null: sampled entries against f64. */
export function wrongWithCosts(a, b, costs) {
  const [rows, width] = a.shape
  const [columns] = b.shape
  if (costs.length !== rows * columns) return `a matrix of ${costs.length} entries`
  for (let sample = 0; sample < samples; sample++) {
    // A stride without a factor in common with most sizes meets all parts of the matrix.
    const entry = (sample * 7_919_003) % costs.length
    const i = Math.floor(entry / columns)
    const j = entry % columns
    const { square, norms } = distance(a, i, b, j)
    const bound = (width + 8) * 2 ** -24 * norms
    if (!(Math.abs(costs[entry] - square) <= bound)) return `entry (${i}, ${j}) is ${costs[entry]}, not ${square}`
  }
  return null
}

/** Of rows i and j in f64: the squared distance, and the sum of the squared norms, which bounds what f32 may lose. */
function distance(a, i, b, j) {
  const width = a.shape[1]
  let [square, norms] = [0, 0]
  for (let k = 0; k < width; k++) {
    const [x, y] = [a.data[i * width + k], b.data[j * width + k]]
    square += (x - y) ** 2
    norms += x * x + y * y
  }
  return { square, norms }
}
