/** The levels of every list of quantiles: a mean alone hides that a few features carry most of an objective. */
export const quantileLevels = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1] as const

/** How many values lie between neighbouring edges; the last bin includes its upper edge. */
export interface Histogram {
  /** [bins + 1], ascending. */
  readonly edges: readonly number[]
  /** [bins] */
  readonly counts: readonly number[]
}

/** One quantity over the features of a match. */
export interface Distribution {
  /** How many features have a value. */
  readonly count: number
  /** NaN where `count` is 0. */
  readonly mean: number
  /** At {@link quantileLevels}; NaN where `count` is 0. */
  readonly quantiles: readonly number[]
  readonly histogram: Histogram
}

/** Mean, quantiles and histogram of the values that are not NaN. */
export function distribution(values: Float64Array, edges: (sorted: Float64Array) => readonly number[]): Distribution {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort()
  return {
    count: sorted.length,
    mean: mean(sorted),
    quantiles: quantiles(sorted),
    histogram: histogram(sorted, edges(sorted)),
  }
}

/** Arithmetic mean, NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]
  return sum / values.length
}

/** Quantiles of ascending values, interpolated linearly between order statistics (what numpy does by default). */
export function quantiles(sorted: ArrayLike<number>, levels: readonly number[] = quantileLevels): number[] {
  const last = sorted.length - 1
  return levels.map((level) => {
    if (last < 0) return Number.NaN
    const position = level * last
    const below = Math.floor(position)
    const above = Math.min(below + 1, last)
    return sorted[below] + (position - below) * (sorted[above] - sorted[below])
  })
}

/** Counts of ascending values between ascending edges. Values outside the edges are not counted. */
export function histogram(sorted: ArrayLike<number>, edges: readonly number[]): Histogram {
  const counts = new Array<number>(edges.length - 1).fill(0)
  let bin = 0
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i]
    if (value < edges[0] || value > edges[edges.length - 1]) continue
    while (bin < counts.length - 1 && value >= edges[bin + 1]) bin++
    counts[bin]++
  }
  return { edges, counts }
}

/** `bins + 1` edges at equal distances. */
export function linearEdges(from: number, to: number, bins: number): number[] {
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? to : from + ((to - from) * i) / bins))
}

/**
 * Edges for values >= 0 over many magnitudes: a first bin from 0 to the least positive value, then `bins` bins of
 * equal width in the logarithm up to the largest.
 */
export function logarithmicEdges(sorted: ArrayLike<number>, bins: number): number[] {
  const least = Array.prototype.find.call(sorted, (value: number) => value > 0) as number | undefined
  if (least === undefined) return [0, 1]
  const largest = sorted[sorted.length - 1]
  if (largest === least) return [0, least]
  const logs = linearEdges(Math.log(least), Math.log(largest), bins).map(Math.exp)
  return [0, least, ...logs.slice(1, -1), largest]
}
