import type { Nearest, NearestFeatures } from '../matching/nearest.js'
import { encodeCsv } from './csv.js'
import { encodeJson } from './json.js'
import { encodeNpz } from './npz.js'
import { schemaVersion } from './pair-files.js'

/** The formats of files that nearest features can be written as. */
export const nearestFormats = ['npz', 'json', 'csv'] as const

/** The contents of a file of that format: everything for every feature, both ways. */
export function encodeNearest(found: Nearest, format: (typeof nearestFormats)[number]): Uint8Array | string {
  switch (format) {
    case 'npz':
      return encodeNpz(arrays(found))
    case 'json':
      return encodeJson({ schemaVersion, ...found })
    case 'csv':
      return encodeCsv(
        ['direction', 'feature', 'rank', 'nearest', 'cost', 'cosine_decoder'],
        [...rows('a_to_b', found.aToB, found.k), ...rows('b_to_a', found.bToA, found.k)],
      )
  }
}

function arrays({ n, m, k, aToB, bToA, mutual }: Nearest) {
  return {
    schema_version: { data: Int32Array.of(schemaVersion), shape: [] },
    a_to_b: { data: aToB.feature, shape: [n, k] },
    a_to_b_cost: { data: aToB.cost, shape: [n, k] },
    a_to_b_cosine_decoder: { data: aToB.cosineDecoder, shape: [n, k] },
    b_to_a: { data: bToA.feature, shape: [m, k] },
    b_to_a_cost: { data: bToA.cost, shape: [m, k] },
    b_to_a_cosine_decoder: { data: bToA.cosineDecoder, shape: [m, k] },
    mutual: Int32Array.from(mutual),
  }
}

function* rows(direction: string, { feature, cost, cosineDecoder }: NearestFeatures, k: number) {
  for (const [place, other] of feature.entries()) {
    if (other >= 0) yield [direction, Math.floor(place / k), place % k, other, cost[place], cosineDecoder[place]]
  }
}
