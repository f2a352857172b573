import type { Tracks } from './tracks.js'

/** How long tracks through L layers live. See docs/method.md#tracks-and-lifetimes. */
export interface Lifetimes {
  /** L */
  readonly layers: number
  /** [L] number of tracks of length 1 to L. */
  readonly lengths: Int32Array
  /** [L] tracks that start in a layer. For the first layer these are all its features: what was before is not known. */
  readonly births: Int32Array
  /** [L] tracks that end in a layer. For the last layer these are all its features: what comes after is not known. */
  readonly deaths: Int32Array
  /** [L x L] row by row: how many features of layer s are in a track that reaches layer t; 0 for t < s. */
  readonly alive: Int32Array
  /** [L x L] the survival curves by start layer: `alive` as a share of the features of layer s; NaN for t < s. */
  readonly survival: Float64Array
  /** [L] the share of features still in their track k layers on, over all layers that have k layers after them. */
  readonly pooledSurvival: Float64Array
}

/** Track lengths, births and deaths of each layer, and survival curves by start layer. */
export function lifetimes(tracks: Tracks): Lifetimes {
  const { layerSizes, count, start, offsets } = tracks
  const layers = layerSizes.length
  const lengths = new Int32Array(layers)
  const births = new Int32Array(layers)
  const deaths = new Int32Array(layers)
  const alive = new Int32Array(layers * layers)
  for (let track = 0; track < count; track++) {
    const length = offsets[track + 1] - offsets[track]
    const last = start[track] + length - 1
    lengths[length - 1]++
    births[start[track]]++
    deaths[last]++
    for (let from = start[track]; from <= last; from++) {
      for (let to = from; to <= last; to++) alive[from * layers + to]++
    }
  }
  const survival = Float64Array.from(alive, (number, place) => {
    const from = Math.floor(place / layers)
    return place % layers < from ? Number.NaN : number / layerSizes[from]
  })
  const pooledSurvival = Float64Array.from({ length: layers }, (_, distance) => {
    let [still, all] = [0, 0]
    for (let from = 0; from + distance < layers; from++) {
      still += alive[from * layers + from + distance]
      all += layerSizes[from]
    }
    return still / all
  })
  return { layers, lengths, births, deaths, alive, survival, pooledSurvival }
}
