import { expect, it } from 'vitest'
import { match } from '../../src/matching/match.js'
import { nearestFeatures } from '../../src/matching/nearest-features.js'
import { featureRows } from '../../src/sae/rows.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { describeBackends } from '../helpers/backends.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'

describeBackends('nearestFeatures', (backend) => {
  const nearest = async (a: Sae, b: Sae) => {
    const rows = [await featureRows(a, {}, backend()), await featureRows(b, {}, backend())] as const
    return (await nearestFeatures(...rows, { k: 1, self: false }, backend(), {})).feature
  }

  it('equals the sweep of a match, ties, features left out and big ones included', async () => {
    const a = syntheticSae(mulberry32(1), 90, 12)
    const other = syntheticSae(mulberry32(2), 70, 12)
    const data = (other.decoder.data as Float64Array).slice()
    data.copyWithin(12 * 5, 12 * 3, 12 * 4)
    const threshold = other.threshold!.slice()
    threshold[7] = 0
    threshold[9] = 900
    const b: Sae = {
      ...other,
      decoder: rowMajor(data, 'f64', 70, 12),
      // 3 and 5 are equal
      encoder: rowMajor((other.encoder.data as Float64Array).slice().copyWithin(60, 36, 48), 'f64', 70, 12),
      encoderBias: other.encoderBias.map((value, i) => (i === 5 ? other.encoderBias[3] : value)),
      threshold: threshold.map((value, i) => (i === 5 ? threshold[3] : value)),
    }
    const { nearestAToB, nearestBToA } = await match(a, b, { backend: backend().name, baselines: 'none' })
    expect(await nearest(a, b)).toEqual(nearestAToB)
    expect(await nearest(b, a)).toEqual(nearestBToA)
    expect(nearestBToA[7]).toBe(-1)
  })
})
