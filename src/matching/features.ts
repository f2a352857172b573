import type { Assignment } from '../assignment/result.js'
import type { RowSign } from '../backend/backend.js'
import type { Rows } from '../sae/rows.js'
import { featureCount } from '../sae/sae.js'
import { invert } from './compose.js'
import { confidences } from './confidence.js'
import { exactCosts } from './exact-costs.js'
import type { Match } from './result.js'
import { featureOfRow, type PairScores, type Pairs, pairCosines, type Scoring } from './score.js'
import type { Sides } from './sides.js'

/** The fields of a {@link Match} that are about single features. */
export type FeatureResults = Omit<
  Match,
  'n' | 'm' | 'cost' | 'certificate' | 'summary' | 'distributions' | 'provenance' | 'warnings' | 'milliseconds'
>

/** What an assignment of rows says about features: everything in the order of the SAEs' features. */
export async function describeFeatures(
  sides: Sides,
  sign: RowSign,
  assignment: Assignment,
  scoring: Scoring,
  pairs: Pairs,
  scores: PairScores,
): Promise<FeatureResults> {
  const { a, b, aRows, bRows } = sides
  const { rowToColumn, columnToRow, u, v, neighbours } = assignment
  const [n, m] = [featureCount(a), featureCount(b)]
  const [aFeatures, bFeatures] = [featuresOf(aRows), featuresOf(bRows)]
  const ofA = (values: Float64Array | undefined) => placeNumbers(values, aFeatures, n)
  const ofPairs = (values: Float64Array) => placeNumbers(values, pairs.a, n)
  const partnersOfA = (rows: Int32Array | undefined) => placeIntegers(rows?.map(featureOfRow(bRows)), aFeatures, n)
  const partnersOfB = (rows: Int32Array | undefined) => placeIntegers(rows?.map(featureOfRow(aRows)), bFeatures, m)
  const aToB = partnersOfA(rowToColumn)
  const nearestAToB = partnersOfA(neighbours?.nearestColumn)
  const nearestBToA = partnersOfB(neighbours?.nearestRow)
  const cosines = pairCosines(scoring, pairs, scores)
  const cost = ofPairs(await exactCosts(aRows, bRows, rowToColumn, sign, scoring.backend, scoring))
  const margin = ofA(neighbours?.margin)
  const rankAToB = placeIntegers(neighbours?.rankInRow, aFeatures, n)
  const rankBToA = placeIntegers(neighbours?.rankInColumn, bFeatures, m)
  return {
    aToB,
    bToA: invert(aToB, m),
    matched: pairs.a.length,
    u: ofA(u),
    v: placeNumbers(v, bFeatures, m),
    costs: {
      total: cost,
      decoder: ofPairs(scores.decoder),
      encoder: ofPairs(scores.encoder),
      bias: ofPairs(scores.bias),
    },
    cosines: { decoder: ofPairs(cosines.decoder), encoder: ofPairs(cosines.encoder) },
    margin,
    confidence: confidences({ aToB, cost, margin, rankAToB, rankBToA }),
    rankAToB,
    rankBToA,
    nearestAToB,
    nearestBToA,
    mutual: Uint8Array.from(aToB, (j, i) => (j >= 0 && nearestAToB[i] === j && nearestBToA[j] === i ? 1 : 0)),
    unmatchedA: aFeatures.filter((_, row) => rowToColumn[row] < 0),
    unmatchedB: bFeatures.filter((_, row) => columnToRow[row] < 0),
    unfoldableA: aRows.unfoldable,
    unfoldableB: bRows.unfoldable,
  }
}

/** The features that rows stand for, in their order. */
function featuresOf(rows: Rows): Int32Array {
  return rows.index ?? Int32Array.from({ length: rows.count }, (_, i) => i)
}

/** `length` numbers: `values` at `features`, NaN elsewhere and where there are no values. */
function placeNumbers(values: Float64Array | undefined, features: Int32Array, length: number): Float64Array {
  const placed = new Float64Array(length).fill(Number.NaN)
  if (values !== undefined) for (let k = 0; k < features.length; k++) placed[features[k]] = values[k]
  return placed
}

/** `length` integers: `values` at `features`, -1 elsewhere and where there are no values. */
function placeIntegers(values: Int32Array | undefined, features: Int32Array, length: number): Int32Array {
  const placed = new Int32Array(length).fill(-1)
  if (values !== undefined) for (let k = 0; k < features.length; k++) placed[features[k]] = values[k]
  return placed
}
