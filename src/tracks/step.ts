import { wrongType, wrongValue } from '../errors.js'
import { invert } from '../matching/compose.js'
import type { Match } from '../matching/result.js'

/** One step along a path of layers: a matching of the n features of A with the m features of B, and what its pairs cost. */
export interface MatchStep {
  /** [n] feature of B for each feature of A, -1 where unmatched; no feature of B twice. */
  readonly aToB: Int32Array
  /** m, the number of features of B. */
  readonly columns: number
  /** [n] what the match minimised, in its scale; NaN where unmatched. */
  readonly cost: Float32Array | Float64Array
  /** [n] cosine of the two decoder rows; NaN where unmatched. */
  readonly cosine: Float32Array | Float64Array
  /** [n] 1 where no other feature is nearer to either of the two; null where the match did not look (`verify: 'shortlist'`). */
  readonly mutual: Uint8Array | null
}

/** The step that a match of A with B is. */
export function stepOf(match: Match): MatchStep {
  const { aToB, m, costs, cosines, rankAToB, rankBToA } = match
  return {
    aToB,
    columns: m,
    cost: costs.total,
    cosine: cosines.decoder,
    mutual: match.provenance.verify === 'full' ? mutualOf(aToB, rankAToB, rankBToA) : null,
  }
}

/** [n] 1 where the partners rank first in both directions; equally near features do not count as nearer. */
export function mutualOf(aToB: Int32Array, rankAToB: Int32Array, rankBToA: Int32Array): Uint8Array {
  return Uint8Array.from(aToB, (j, i) => (j >= 0 && rankAToB[i] === 0 && rankBToA[j] === 0 ? 1 : 0))
}

/**
 * The same pairs from B to A.
 *
 * @throws RangeError for a step that is no matching, see {@link invert}
 */
export function invertStep(step: MatchStep): MatchStep {
  const { aToB, columns, cost, cosine, mutual } = step
  const bToA = invert(aToB, columns)
  const gather = (values: Float32Array | Float64Array) =>
    Float64Array.from(bToA, (i) => (i === -1 ? Number.NaN : values[i]))
  return {
    aToB: bToA,
    columns: aToB.length,
    cost: gather(cost),
    cosine: gather(cosine),
    mutual: mutual && Uint8Array.from(bToA, (i) => (i === -1 ? 0 : mutual[i])),
  }
}

/**
 * Makes sure that steps follow one another: each begins with as many features as the one before ends with.
 *
 * @throws TypeError or RangeError naming the step and its field
 */
export function checkSteps(steps: readonly MatchStep[]): void {
  if (!Array.isArray(steps)) throw wrongType('steps', 'an array of steps', steps)
  if (steps.length === 0) throw wrongValue('steps', 'at least one step', steps)
  for (const [k, { aToB, columns, cost, cosine, mutual }] of steps.entries()) {
    if (!(aToB instanceof Int32Array)) throw wrongType(`steps[${k}].aToB`, 'an Int32Array', aToB)
    const next = steps[k + 1]?.aToB
    if (next !== undefined && next.length !== columns) {
      throw wrongValue(`steps[${k + 1}].aToB`, `the ${columns} features that the step before leads to`, next)
    }
    for (const [name, values] of Object.entries({ cost, cosine, mutual })) {
      if (values !== null && values?.length !== aToB.length) {
        throw wrongValue(`steps[${k}].${name}`, `${aToB.length} values`, values)
      }
    }
  }
}

/** The number of features of every layer that the steps pass, one more than there are steps. */
export function layerSizes(steps: readonly MatchStep[]): Int32Array {
  return Int32Array.of(steps[0].aToB.length, ...steps.map(({ columns }) => columns))
}
