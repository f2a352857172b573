import { expect, it } from 'vitest'
import { getBackend } from '../../src/backend/select.js'
import { evaluate } from '../../src/evaluation/evaluate.js'
import { match } from '../../src/matching/match.js'
import { nearest } from '../../src/matching/nearest.js'
import { alignSae } from '../../src/sae/align.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { mulberry32 } from '../helpers/random.js'
import { normals } from '../helpers/synthetic-sae.js'
import { plantedPair } from './planted-pair.js'

// B is A in another order, in another gauge, and in another space
const [n, d] = [150, 12]
const { a, b: permuted, aToB } = plantedPair(5, n, d, 0.01)
const alignment = normals(mulberry32(6), d * d)
const b = await alignSae(permuted, alignment, await getBackend('typescript'))
const right = (found: Int32Array) => found.filter((j, i) => j === aToB[i]).length

it('finds features in another space once it knows the way there', async () => {
  const found = await match(a, b, { alignment })
  expect(found.aToB).toEqual(aToB)
  expect(found.provenance.aligned).toBe(true)
  expect(found.certificate.optimal).toBe(true)
  expect(found.summary.matched.total).toBeLessThan(0.1 * found.summary.random!.total)
  expect(Math.min(...found.cosines.decoder)).toBeGreaterThan(0.9)
  expect((await match(a, permuted)).provenance.aligned).toBeUndefined()

  const blind = await match(a, b)
  expect(right(blind.aToB)).toBeLessThan(n / 4)
})

it('is for nearest features, too, and for an SAE with itself in another space', async () => {
  const found = await nearest(a, b, { alignment })
  expect(found.aToB.feature).toEqual(aToB)
  // what is moved is not itself: no feature is left out
  const double = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 + 1e-9 : 0))
  const itself = await nearest(a, a, { alignment: double })
  expect(itself.aToB.feature).toEqual(Int32Array.from(aToB.keys()))
})

it('an evaluation of stored partners does not know the way, and leaves the nearest features out', async () => {
  const x = rowMajor(normals(mulberry32(7), 50 * d), 'f64', 50, d)
  const [found, activations] = [await match(a, b, { alignment }), { a: x, b: x }]
  const stored = { aToB: found.aToB, provenance: found.provenance }
  expect((await evaluate(a, b, found, activations)).baselines.nearest).toBeDefined()
  expect((await evaluate(a, b, stored, activations)).baselines.nearest).toBeUndefined()
})
