import { wrongValue } from '../errors.js'
import { compose } from '../matching/compose.js'
import { checkSteps, type MatchStep } from './step.js'

/** Steps A -> B -> ... -> C taken one after the other. See docs/method.md#paths-of-layers. */
export interface Composition {
  /** [n] feature of C for each feature of A; -1 wherever a step has none. */
  readonly aToC: Int32Array
  /** The number of features of C. */
  readonly columns: number
  /** [n] sum of the costs of the steps; NaN where `aToC` is -1. */
  readonly costSum: Float64Array
  /** [n] the dearest step; NaN where `aToC` is -1. */
  readonly costMaximum: Float64Array
}

/**
 * Composes steps in the order in which they are taken: first `steps[0]`. The path cost of a feature is the list of its
 * step costs, given here as sum and maximum (SAE Match, section 3.2, for the composition).
 *
 * @throws TypeError or RangeError for steps that do not follow one another, or without any
 */
export function composeSteps(steps: readonly MatchStep[]): Composition {
  checkSteps(steps)
  const [{ aToB, columns, cost }, ...later] = steps
  const costs = Float64Array.from(cost, (value, i) => (aToB[i] === -1 ? Number.NaN : value))
  return later.reduce(extendComposition, { aToC: aToB.slice(), columns, costSum: costs, costMaximum: costs.slice() })
}

/** The composition with another step at its end. */
export function extendComposition(composition: Composition, step: MatchStep): Composition {
  const { aToC: reached, costSum, costMaximum } = composition
  const aToC = compose(reached, step.aToB)
  const along = (combine: (i: number, cost: number) => number) =>
    Float64Array.from(aToC, (k, i) => (k === -1 ? Number.NaN : combine(i, step.cost[reached[i]])))
  return {
    aToC,
    columns: step.columns,
    costSum: along((i, cost) => costSum[i] + cost),
    costMaximum: along((i, cost) => Math.max(costMaximum[i], cost)),
  }
}

/** How many features two matchings of A with C send to the same place. */
export interface Agreement {
  /** Features with the same partner in both. */
  readonly same: number
  /** Features with a partner in both. */
  readonly compared: number
  /** `same / compared`; NaN where nothing can be compared. */
  readonly share: number
  /** [n] 1 the same partner, 0 another one, -1 none in one of the two. */
  readonly byFeature: Int32Array
}

/**
 * Agreement of a composed match with the direct one: the share of features with the same target, over the features
 * that are matched in both.
 *
 * @param composed [n] feature of C for each feature of A, -1 where unmatched
 * @param direct [n]
 * @throws RangeError if they are not of equal length
 */
export function agreement(composed: Int32Array, direct: Int32Array): Agreement {
  if (composed.length !== direct.length) throw wrongValue('direct', `${composed.length} indices`, direct)
  const byFeature = composed.map((k, i) => (k === -1 || direct[i] === -1 ? -1 : k === direct[i] ? 1 : 0))
  const compared = byFeature.filter((state) => state !== -1).length
  const same = byFeature.filter((state) => state === 1).length
  return { same, compared, share: same / compared, byFeature }
}

/** How many features come back to where they began. */
export interface CycleConsistency {
  readonly returned: number
  /** Features with a partner in every step. */
  readonly compared: number
  /** `returned / compared`; NaN where no feature gets round. */
  readonly share: number
}

/**
 * Follows every feature of A round a cycle A -> B -> ... -> A and counts those that end where they began.
 *
 * @param steps the last one leads to the features that the first one begins with
 * @throws TypeError or RangeError for steps that do not follow one another, or do not end where they began
 */
export function cycleConsistency(steps: readonly MatchStep[]): CycleConsistency {
  const { aToC, columns } = composeSteps(steps)
  if (columns !== aToC.length) {
    throw wrongValue(
      `steps[${steps.length - 1}].columns`,
      `the ${aToC.length} features that the cycle begins with`,
      columns,
    )
  }
  const { same, compared, share } = agreement(
    aToC,
    aToC.map((_, i) => i),
  )
  return { returned: same, compared, share }
}
