import type { CostSource } from './source.js'
import type { Steps } from './steps.js'

/** How many rows tell the distribution of a column's costs. */
const sampleRows = 256
/** Which quantile of a column's finite costs is its first price. */
const quantile = 0.015
const rowsPerSlice = 32

/**
 * Starting prices: a low quantile of each column over a sample of the rows, [columns]. Column minima would give hubs,
 * which are nearest to very many rows, far too high a price.
 * @param unmatchedCost no pair dearer than this is ever made, so dearer costs count as this
 */
export function* startingPrices(source: CostSource, unmatchedCost: number): Steps<Float64Array> {
  const { rows, columns } = source
  const sampled = Math.min(rows, sampleRows)
  const sample = Int32Array.from({ length: sampled }, (_, s) => Math.floor((s * rows) / sampled))
  const rank = Math.max(1, Math.round(quantile * sampled))

  // least[j * rank ...] are the `rank` least costs of column j so far, descending; threshold[j] is the first of them.
  const least = new Float64Array(columns * rank).fill(Number.POSITIVE_INFINITY)
  const threshold = new Float64Array(columns).fill(Number.POSITIVE_INFINITY)
  const forbidden = new Int32Array(columns)
  for (let begin = 0; begin < sampled; begin += rowsPerSlice) {
    source.visit(sample.subarray(begin, begin + rowsPerSlice), (_, costs) => {
      for (let j = 0; j < columns; j++) {
        const cost = costs[j]
        if (cost < threshold[j]) {
          insertDescending(least, j * rank, rank, cost)
          threshold[j] = least[j * rank]
        } else if (cost === Number.POSITIVE_INFINITY) {
          forbidden[j]++
        }
      }
    })
    yield
  }

  const prices = new Float64Array(columns)
  let highest = Number.NEGATIVE_INFINITY
  for (let j = 0; j < columns; j++) {
    const wanted = Math.max(1, Math.round(quantile * (sampled - forbidden[j])))
    prices[j] = Math.min(least[j * rank + rank - wanted], unmatchedCost)
    if (prices[j] < Number.POSITIVE_INFINITY && prices[j] > highest) highest = prices[j]
  }
  // A column without a finite cost in the sample is wanted by few rows: it starts at the highest price of the others.
  const fallback = highest === Number.NEGATIVE_INFINITY ? 0 : highest
  for (let j = 0; j < columns; j++) if (prices[j] === Number.POSITIVE_INFINITY) prices[j] = fallback
  return prices
}

/** Puts `value` into the descending run values[start .. start + length - 1] in place of its first, greatest entry. */
export function insertDescending(values: Float64Array, start: number, length: number, value: number): void {
  const end = start + length - 1
  let at = start
  while (at < end && values[at + 1] > value) {
    values[at] = values[at + 1]
    at++
  }
  values[at] = value
}
