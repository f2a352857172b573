import { areComparable } from '../sae/comparable.js'
import type { Weights } from '../sae/rows.js'
import type { FoundSae } from './discover.js'

/** Two SAEs, as places in a list. */
export interface PairOfSaes {
  readonly a: number
  readonly b: number
}

type Candidate = Pick<FoundSae, 'layer' | 'header'>

/** Every unordered pair of SAEs that may be compared, once: that of the lower layer first, or else the earlier one. */
export function allPairs(saes: readonly Candidate[], weights: Weights): PairOfSaes[] {
  return saes.flatMap((sae, a) =>
    saes.slice(a + 1).flatMap((other, beyond) => {
      if (!mayCompare(sae, other, weights)) return []
      const b = a + 1 + beyond
      const downwards = sae.layer !== null && other.layer !== null && sae.layer > other.layer
      return [downwards ? { a: b, b: a } : { a, b }]
    }),
  )
}

/**
 * The pairs of SAEs of neighbouring layers: no layer between theirs has an SAE that may be compared with both. Where
 * layers hold several SAEs, those of one size are paired; two of different sizes are where neither has one of its own
 * size in the layer of the other. SAEs of which no layer is known are in no pair.
 */
export function adjacentPairs(saes: readonly Candidate[], weights: Weights): PairOfSaes[] {
  const byLayer = new Map<number, number[]>()
  for (const [place, { layer }] of saes.entries()) {
    if (layer !== null) byLayer.set(layer, [...(byLayer.get(layer) ?? []), place])
  }
  const layers = [...byLayer].sort(([x], [y]) => x - y).map(([, places]) => places)
  const may = (a: number, b: number) => mayCompare(saes[a], saes[b], weights)
  const hasTwin = (a: number, places: readonly number[]) =>
    places.some((b) => may(a, b) && haveOneSize(saes[a], saes[b]))

  const pairs: PairOfSaes[] = []
  for (const [place, own] of layers.entries()) {
    for (const a of own) {
      const between: number[] = []
      for (const theirs of layers.slice(place + 1)) {
        const comparable = theirs.filter((b) => may(a, b))
        for (const b of comparable) {
          const fits = haveOneSize(saes[a], saes[b]) || !(hasTwin(a, theirs) || hasTwin(b, own))
          if (fits && !between.some((c) => may(c, b))) pairs.push({ a, b })
        }
        between.push(...comparable)
      }
    }
  }
  return pairs.sort((x, y) => x.a - y.a || x.b - y.b)
}

/** One whose header could not be read may be compared with all: the pairs that fail are to be seen. */
function mayCompare(a: Candidate, b: Candidate, weights: Weights): boolean {
  return a.header === null || b.header === null || areComparable(a.header, b.header, weights)
}

function haveOneSize(a: Candidate, b: Candidate): boolean {
  return a.header === null || b.header === null || a.header.features === b.header.features
}
