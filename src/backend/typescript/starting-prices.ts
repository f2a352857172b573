import type { CostSource } from './source.js'
import { rowsPerSlice } from './source.js'
import type { Steps } from './steps.js'

/** How many entries tell the distribution of a column's costs. */
const sampleEntries = 256
/** Which quantile of a column's finite costs is its first price. */
const quantile = 0.015

/**
 * Starting prices: a low quantile of each column over a sample of the rows, [columns]. Column minima would give hubs,
 * which are nearest to very many rows, far too high a price.
 * @param unmatchedCost no pair dearer than this is ever made, so dearer costs count as this
 */
export function* startingPrices(source: CostSource, unmatchedCost: number): Steps<Float64Array> {
  const { rows, columns } = source
  // As many rows as show every column that many entries; all of them where columns have fewer.
  const share = source.entries / rows / columns
  const sampled = Math.floor(Math.min(rows, sampleEntries / share))
  const sample = Int32Array.from({ length: sampled }, (_, s) => Math.floor((s * rows) / sampled))
  const rank = Math.max(1, Math.round(quantile * sampled * share))

  // least[j * rank ...] are the `rank` least costs of column j so far, descending; threshold[j] is the first of them.
  const least = new Float64Array(columns * rank).fill(Number.POSITIVE_INFINITY)
  const threshold = new Float64Array(columns).fill(Number.POSITIVE_INFINITY)
  const shown = new Int32Array(columns)
  const step = rowsPerSlice(source)
  for (let begin = 0; begin < sampled; begin += step) {
    source.visit(sample.subarray(begin, begin + step), (_, costs, listed) => {
      for (let e = 0; e < costs.length; e++) {
        const cost = costs[e]
        if (cost === Number.POSITIVE_INFINITY) continue
        const j = listed === null ? e : listed[e]
        shown[j]++
        if (cost < threshold[j]) {
          insertDescending(least, j * rank, rank, cost)
          threshold[j] = least[j * rank]
        }
      }
    })
    yield
  }

  const prices = new Float64Array(columns)
  let highest = Number.NEGATIVE_INFINITY
  for (let j = 0; j < columns; j++) {
    const wanted = Math.max(1, Math.round(quantile * shown[j]))
    prices[j] = Math.min(least[j * rank + Math.max(0, rank - wanted)], unmatchedCost)
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
