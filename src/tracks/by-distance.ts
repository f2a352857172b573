import { mean, quantiles } from '../matching/statistics.js'
import { agreement, type Composition, composeSteps, extendComposition } from './composition.js'
import { checkSteps, type MatchStep } from './step.js'

/** A path of consecutive layers beside the direct match of its ends. Means are over features; NaN over none. */
export interface PathComparison {
  /** Place of the first layer of the path. */
  readonly from: number
  /** Place of the last. */
  readonly to: number
  /** Steps between them. */
  readonly distance: number
  /** Features of the first layer that the path leads to the last. */
  readonly matched: number
  /** Mean and median of the sum of a feature's step costs. */
  readonly costSum: { readonly mean: number; readonly median: number }
  /** Mean and median of a feature's dearest step. */
  readonly costMaximum: { readonly mean: number; readonly median: number }
  /** Null where there is no direct match. */
  readonly direct: {
    /** Features with the same partner in both. */
    readonly same: number
    /** Features with a partner in both. */
    readonly compared: number
    /** `same / compared` */
    readonly agreement: number
    /** Mean cost of the direct match over its pairs. */
    readonly cost: number
    /** The same over the pairs that the composed match has too. */
    readonly costWhereSame: number
  } | null
}

/** All paths of the same number of steps. Means are over paths; NaN over none. */
export interface DistanceSummary {
  readonly distance: number
  readonly paths: number
  /** Paths whose ends have a direct match too. */
  readonly compared: number
  readonly agreement: { readonly mean: number; readonly least: number; readonly largest: number }
  /** Mean share of the features of the first layer that the path leads to the last. */
  readonly matchedShare: number
  readonly costSum: number
  readonly costMaximum: number
  readonly directCost: number
}

/**
 * Composes every path of consecutive layers and holds it against the direct match of its ends: what figure 8 of SAE
 * Match draws. Paths are ordered by their first layer, then by distance.
 *
 * @param steps [L - 1] the matches of each layer with the next
 * @param direct gives the direct match of two layers, by their places, or null where there is none
 * @throws TypeError or RangeError for steps that do not follow one another; whatever `direct` throws
 */
export async function comparePaths(
  steps: readonly MatchStep[],
  direct: (from: number, to: number) => Promise<MatchStep | null>,
): Promise<PathComparison[]> {
  checkSteps(steps)
  const comparisons: PathComparison[] = []
  for (let from = 0; from < steps.length; from++) {
    let composition = composeSteps([steps[from]])
    for (let to = from + 1; to <= steps.length; to++) {
      if (to > from + 1) composition = extendComposition(composition, steps[to - 1])
      comparisons.push(comparePath(from, to, composition, await direct(from, to)))
    }
  }
  return comparisons
}

/** The comparisons of each distance together. */
export function summariseByDistance(comparisons: readonly PathComparison[], layerSizes: Int32Array): DistanceSummary[] {
  const distances = [...new Set(comparisons.map(({ distance }) => distance))].sort((x, y) => x - y)
  return distances.map((distance) => {
    const paths = comparisons.filter((path) => path.distance === distance)
    const direct = paths.flatMap((path) => (path.direct === null ? [] : [path.direct]))
    const shares = direct.map(({ agreement: share }) => share)
    return {
      distance,
      paths: paths.length,
      compared: direct.length,
      agreement: {
        mean: mean(shares),
        least: shares.length === 0 ? Number.NaN : Math.min(...shares),
        largest: shares.length === 0 ? Number.NaN : Math.max(...shares),
      },
      matchedShare: mean(paths.map(({ from, matched }) => matched / layerSizes[from])),
      costSum: mean(paths.map(({ costSum }) => costSum.mean)),
      costMaximum: mean(paths.map(({ costMaximum }) => costMaximum.mean)),
      directCost: mean(direct.map(({ cost }) => cost)),
    }
  })
}

function comparePath(from: number, to: number, composition: Composition, beside: MatchStep | null): PathComparison {
  const { aToC, costSum, costMaximum } = composition
  return {
    from,
    to,
    distance: to - from,
    matched: aToC.filter((k) => k !== -1).length,
    costSum: centre(costSum),
    costMaximum: centre(costMaximum),
    direct: beside && compareDirect(aToC, beside),
  }
}

function compareDirect(aToC: Int32Array, beside: MatchStep): PathComparison['direct'] {
  const { same, compared, share, byFeature } = agreement(aToC, beside.aToB)
  return {
    same,
    compared,
    agreement: share,
    cost: mean(defined(beside.cost)),
    costWhereSame: mean(defined(beside.cost.map((cost, i) => (byFeature[i] === 1 ? cost : Number.NaN)))),
  }
}

/** Mean and median of the values that are not NaN. */
function centre(values: Float64Array): { mean: number; median: number } {
  const sorted = defined(values).sort()
  return { mean: mean(sorted), median: quantiles(sorted, [0.5])[0] }
}

function defined(values: Float32Array | Float64Array): Float64Array {
  return Float64Array.from(values).filter((value) => !Number.isNaN(value))
}
