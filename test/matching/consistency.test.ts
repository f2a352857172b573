import { describe, expect, it } from 'vitest'
import { cosineCutoffs, featureConsistency } from '../../src/matching/consistency.js'
import { loadSae } from '../../src/matching/load.js'
import { nearest } from '../../src/matching/nearest.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { availableBackends } from '../helpers/available-backends.js'
import { expectFailure } from '../helpers/errors.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { mulberry32 } from '../helpers/random.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

/** With whole matrices, by scipy. */
const script = `
import json, sys, numpy as np
from scipy.optimize import linear_sum_assignment
a, b = (np.array(x) for x in json.load(sys.stdin))
def unit(x):
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
cos = unit(a) @ unit(b).T
def best(costs):
    i, j = linear_sum_assignment(costs, maximize=True)
    return costs[i, j].sum() / min(costs.shape), [float((costs[i, j] >= cut / 20 - 1e-12).mean()) for cut in range(21)]
print(json.dumps([best(cos), best(abs(cos)), cos.max(1).mean(), cos.max(0).mean()]))
`
const decoderOf = ({ decoder }: Sae) => Array.from({ length: decoder.rows }, (_, i) => Array.from(readRow(decoder, i)))

/** Some of the features of A, turned around, with noise; among them zero rows. */
function related(random: () => number, a: Sae, n: number, d: number): Sae {
  const data = normals(random, n * d)
  for (let i = 0; i < n; i++) {
    const [from, sign] = [(i * 5) % a.decoder.rows, i % 3 === 0 ? -1 : 1]
    for (let k = 0; k < d; k++) {
      const place = i * d + k
      data[place] = i % 7 === 3 ? 0 : 0.5 * data[place] + sign * (a.decoder.data[from * d + k] as number)
    }
  }
  return syntheticSae(random, n, d, { decoder: rowMajor(data, 'f64', n, d) })
}

describe.each(availableBackends)('featureConsistency on the %s backend', (backend) => {
  it.skipIf(python === null).each([
    [20, 20],
    [12, 30],
    [30, 12],
  ])(`of %i and %i features is what scipy finds${needsPython}`, async (n, m) => {
    const random = mulberry32(n)
    const a = syntheticSae(random, n, 6)
    const b = related(random, a, m, 6)
    const [signed, absolute, aToB, bToA] = JSON.parse(
      runPython(script, [], JSON.stringify([decoderOf(a), decoderOf(b)])),
    )
    const found = await featureConsistency(a, b, { backend })
    expect(found.signed.pwMcc).toBeCloseTo(signed[0], 6)
    expect(found.absolute.pwMcc).toBeCloseTo(absolute[0], 6)
    expect(found.mmcs.aToB).toBeCloseTo(aToB, 6)
    expect(found.mmcs.bToA).toBeCloseTo(bToA, 6)
    expect(found.zeroRows).toEqual({
      a: 0,
      b: Array.from({ length: m }, (_, i) => i).filter((i) => i % 7 === 3).length,
    })
    expect([found.signed.certificate.optimal, found.absolute.certificate.optimal]).toEqual([true, true])
    // matchings of equal sums may share differently; these have one optimum
    expect(found.signed.sharedFraction).toEqual(signed[1])
    expect(cosineCutoffs).toHaveLength(found.absolute.sharedFraction.length)
    expect(found.absolute.pwMcc).toBeGreaterThan(found.signed.pwMcc)
  })

  it('of an SAE with itself is 1', async () => {
    const a = syntheticSae(mulberry32(1), 15, 5)
    const found = await featureConsistency(a, a, { backend })
    expect(Array.from(found.signed.aToB)).toEqual(Array.from({ length: 15 }, (_, i) => i))
    for (const value of [found.signed.pwMcc, found.absolute.pwMcc, found.mmcs.aToB, found.mmcs.bToA])
      expect(value).toBeCloseTo(1, 12)
  })

  it('sees a feature and its opposite as one only in the absolute', async () => {
    const data = normals(mulberry32(2), 12 * 20)
    const a = syntheticSae(mulberry32(3), 12, 20, { decoder: rowMajor(data, 'f64', 12, 20) })
    const b = syntheticSae(mulberry32(4), 12, 20, {
      decoder: rowMajor(
        data.map((value) => -value),
        'f64',
        12,
        20,
      ),
    })
    const found = await featureConsistency(a, b, { backend })
    expect(found.absolute.pwMcc).toBeCloseTo(1, 12)
    expect(Array.from(found.absolute.cosine).every((cosine) => cosine < -0.999)).toBe(true)
    expect(found.signed.pwMcc).toBeLessThan(0.6)
  })

  it('refuses what cannot be compared', async () => {
    const random = mulberry32(6)
    await expectFailure(
      featureConsistency(syntheticSae(random, 4, 3), syntheticSae(random, 4, 2), { backend }),
      'NOT_COMPARABLE',
    )
    await expectFailure(
      featureConsistency(syntheticSae(random, 4, 3), syntheticSae(random, 4, 3), { wrong: 1 } as never),
      'UNKNOWN_OPTION',
    )
  })
})

it.skipIf(sharedData === null)(`of real SAEs has the MMCS that nearest finds${needsSharedData}`, async () => {
  const [a, b] = [
    await loadSae(`${sharedData}/jumprelu-1024/layer_12`),
    await loadSae(`${sharedData}/jumprelu-1024/layer_13`),
  ]
  const found = await featureConsistency(a, b)
  const unit = await nearest(a, b, { scale: 'unit', weights: 'decoder' })
  expect(found.mmcs.aToB).toBeCloseTo(unit.aToB.meanCosineDecoder, 6)
  expect(found.mmcs.bToA).toBeCloseTo(unit.bToA.meanCosineDecoder, 6)
  expect(found.signed.pwMcc).toBeLessThanOrEqual(found.mmcs.aToB)
})
