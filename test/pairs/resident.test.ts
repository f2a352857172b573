import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ResidentTensors } from '../../src/backend/addon-types.js'
import { match } from '../../src/matching/match.js'
import { matchPairs } from '../../src/pairs/match-pairs.js'
import type { PairsRun } from '../../src/pairs/result.js'
import { addon, describeWithAddon } from '../helpers/addon.js'
import { cudaOnCpu } from '../helpers/backends.js'
import { writeLayer } from '../helpers/layers.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

describeWithAddon('tensors on a GPU', () => {
  describe.skipIf(cudaOnCpu === null)('whose kernels run on the CPU', () => {
    beforeAll(() => {
      vi.stubEnv('SAE_MATCH_CUDA_LIB', cudaOnCpu as string)
    })
    afterAll(() => {
      vi.unstubAllEnvs()
    })
    const resident = (): ResidentTensors => addon.residentTensors(cudaOnCpu as string)[0]

    it('are uploaded once by matchPairs', async () => {
      const saes = join(folder, 'saes')
      for (const layer of [1, 2, 3]) writeLayer(join(saes, `layer_${layer}`), { layer, features: 70 + layer })
      const run = (backend: 'cuda' | 'native', inFlight?: number) =>
        matchPairs(saes, {
          pairs: 'all',
          out: join(folder, `${backend}-${inFlight}`),
          backend,
          inFlight,
          baselines: 'none',
        })
      const costs = ({ pairs }: PairsRun) => pairs.map(({ record }) => record.cost)
      const expected = await run('native')
      for (const inFlight of [1, 3]) {
        const before = resident()
        const found = await run('cuda', inFlight)
        const after = resident()
        expect(found.pairs.map(({ record }) => record.certificate.optimal)).toEqual([true, true, true])
        expect(costs(found)).toEqual(costs(expected))
        // encoder, decoder and bias of three SAEs, each in two of three pairs
        expect(after.uploads - before.uploads).toBe(9)
        expect(after.reuses - before.reuses).toBe(9)
      }
    })

    it('are not kept where they are the caller’s, who may change them', async () => {
      const random = mulberry32(2)
      const [a, b] = [syntheticSae(random, 70, 6), syntheticSae(random, 80, 6)]
      const before = resident()
      const first = await match(a, b, { backend: 'cuda' })
      for (const { data } of [a.encoder, b.decoder]) data.reverse()
      a.encoderBias.reverse()
      const second = await match(a, b, { backend: 'cuda' })
      const expected = await match(a, b, { backend: 'native' })
      expect(second.cost).not.toBe(first.cost)
      expect(second.aToB).toEqual(expected.aToB)
      expect(second.costs).toEqual(expected.costs)
      expect(resident()).toEqual(before)
    })
  })
})
