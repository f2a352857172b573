import { invert } from '../matching/compose.js'
import { checkSteps, layerSizes, type MatchStep } from './step.js'

/**
 * Features followed through L consecutive layers. Every feature of every layer is in exactly one track, if need be in
 * one of length 1. Tracks are ordered by the layer they start in, then by feature.
 */
export interface Tracks {
  /** [L] number of features of each layer. */
  readonly layerSizes: Int32Array
  readonly count: number
  /** [count] the layer, from 0 to L - 1, that the track starts in. */
  readonly start: Int32Array
  /** [count + 1] `features[offsets[t]]` to `features[offsets[t + 1] - 1]` are those of track t. */
  readonly offsets: Int32Array
  /** [all features] one feature for each layer of a track, its first layer first. */
  readonly features: Int32Array
  /** [all features] cost of the step that led to the feature; NaN for the first of a track. */
  readonly cost: Float64Array
  /** [all features] cosine of the two decoder rows of that step; NaN for the first of a track. */
  readonly cosine: Float64Array
}

/**
 * Chains of matches through consecutive layers. A track ends where a step has no partner for its feature; steps that
 * went through `cutSteps` have none where they are cut. See docs/method.md#tracks-and-lifetimes.
 *
 * @param steps [L - 1] the matches of each layer with the next
 * @throws TypeError or RangeError for steps that do not follow one another, or that match a feature twice
 */
export function findTracks(steps: readonly MatchStep[]): Tracks {
  checkSteps(steps)
  const sizes = layerSizes(steps)
  const predecessors = steps.map((step) => invert(step.aToB, step.columns))
  const start: number[] = []
  const lengths: number[] = []
  const trackOf: Int32Array[] = []
  for (const [layer, size] of sizes.entries()) {
    trackOf.push(
      Int32Array.from({ length: size }, (_, j) => {
        const before = layer === 0 ? -1 : predecessors[layer - 1][j]
        if (before === -1) {
          lengths.push(1)
          return start.push(layer) - 1
        }
        const track = trackOf[layer - 1][before]
        lengths[track]++
        return track
      }),
    )
  }

  const offsets = new Int32Array(start.length + 1)
  for (const [track, length] of lengths.entries()) offsets[track + 1] = offsets[track] + length
  const next = offsets.slice()
  const features = new Int32Array(offsets[start.length])
  const cost = new Float64Array(features.length).fill(Number.NaN)
  const cosine = cost.slice()
  for (const [layer, tracks] of trackOf.entries()) {
    for (const [feature, track] of tracks.entries()) {
      const place = next[track]++
      features[place] = feature
      if (place === offsets[track]) continue
      cost[place] = steps[layer - 1].cost[features[place - 1]]
      cosine[place] = steps[layer - 1].cosine[features[place - 1]]
    }
  }
  return { layerSizes: sizes, count: start.length, start: Int32Array.from(start), offsets, features, cost, cosine }
}
