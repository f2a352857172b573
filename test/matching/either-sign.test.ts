import { expect, it } from 'vitest'
import { match } from '../../src/matching/match.js'
import { nearest } from '../../src/matching/nearest.js'
import { randomPermutation } from '../../src/matching/random-matching.js'
import { availableBackends } from '../helpers/available-backends.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { pickFeatures } from './planted-pair.js'

const n = 60
const a = syntheticSae(mulberry32(5), n, 12)
const order = randomPermutation(n, 9)
const permuted = pickFeatures(a, [...order])
// feature j of B is feature order[j] of A, every third turned round
const sign = (j: number) => (j % 3 === 0 ? -1 : 1)
const b = {
  ...permuted,
  decoderScale: Float64Array.from({ length: n }, (_, j) => sign(j) * (permuted.decoderScale?.[j] ?? 1)),
}
const objective = { scale: 'unit', weights: 'decoder', baselines: 'none' } as const

it.each(availableBackends)('|cosine| finds features that were turned round (%s)', async (backend) => {
  const found = await match(a, b, { ...objective, sign: 'either', backend })
  expect(found.certificate.optimal).toBe(true)
  expect([...found.bToA]).toEqual([...order])
  for (const [i, cosine] of found.cosines.decoder.entries()) {
    expect(cosine).toBeCloseTo(sign(found.aToB[i]), 6)
    expect(found.costs.total[i]).toBeCloseTo(2 - 2 * Math.abs(cosine), 6)
  }
  expect(found.costs.total.reduce((x, y) => x + y)).toBeCloseTo(found.cost, 10)
  expect(found.provenance.sign).toBe('either')
  const same = await match(a, b, { ...objective, backend })
  expect(same.bToA).not.toEqual(found.bToA)
  expect(same.provenance.sign).toBeUndefined()

  const { aToB, mutualShare } = await nearest(a, b, { scale: 'unit', weights: 'decoder', sign: 'either', backend })
  expect(aToB.feature).toEqual(found.aToB)
  expect(mutualShare).toBe(1)
})
