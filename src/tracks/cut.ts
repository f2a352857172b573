import { wrongType, wrongValue } from '../errors.js'
import { rejectUnknownOptions } from '../validate.js'
import { checkSteps, type MatchStep } from './step.js'

/** Which pairs of a step hold: those that meet all of these. Without any, every pair does. */
export interface StepCut {
  /** No pair dearer than this, in the scale of the match. */
  readonly cost?: number
  /** No pair whose decoder rows have a lower cosine, or none that is defined. */
  readonly cosine?: number
  /** Only features that are each other's nearest. */
  readonly mutual?: boolean
}

/**
 * The steps without the pairs that do not hold: their features become unmatched. What comes back can be composed,
 * chained to tracks or drawn as a graph like any other steps.
 *
 * @throws TypeError, RangeError or SaeMatchError `UNKNOWN_OPTION` for steps that do not follow one another, or for a cut
 * that is none or that the steps cannot tell
 */
export function cutSteps(steps: readonly MatchStep[], cut: StepCut): MatchStep[] {
  checkSteps(steps)
  checkCut(steps, cut)
  return steps.map((step) => cutStep(step, cut))
}

function cutStep(step: MatchStep, { cost: dearest = Infinity, cosine: leastAlike, mutual }: StepCut): MatchStep {
  const kept = step.aToB.map((j, i) => {
    const holds =
      step.cost[i] <= dearest &&
      (leastAlike === undefined || step.cosine[i] >= leastAlike) &&
      (mutual !== true || step.mutual?.[i] === 1)
    return holds ? j : -1
  })
  const keptValues = (values: MatchStep['cost']) => values.map((value, i) => (kept[i] === -1 ? Number.NaN : value))
  return {
    aToB: kept,
    columns: step.columns,
    cost: keptValues(step.cost),
    cosine: keptValues(step.cosine),
    mutual: step.mutual?.map((flag, i) => (kept[i] === -1 ? 0 : flag)) ?? null,
  }
}

function checkCut(steps: readonly MatchStep[], cut: StepCut): void {
  rejectUnknownOptions(cut, ['cost', 'cosine', 'mutual'])
  for (const name of ['cost', 'cosine'] as const) {
    const limit = cut[name]
    if (limit === undefined) continue
    if (typeof limit !== 'number') throw wrongType(name, 'a number', limit)
    if (Number.isNaN(limit)) throw wrongValue(name, 'a number', limit)
  }
  if (cut.mutual !== undefined && typeof cut.mutual !== 'boolean')
    throw wrongType('mutual', 'true or false', cut.mutual)
  const blind = cut.mutual === true ? steps.findIndex(({ mutual }) => mutual === null) : -1
  if (blind !== -1) throw wrongValue(`steps[${blind}].mutual`, "what a match with verify: 'full' knows", null)
}
