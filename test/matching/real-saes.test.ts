import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compose } from '../../src/matching/compose.js'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { availableBackends } from '../helpers/available-backends.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'

// matches of 4,096 features: seconds for the addon, too much for the TypeScript backend
const skipped = sharedData === null || !availableBackends.includes('native')
const load = (name: string) => loadSae(join(sharedData!, name))
const layer = (number: number) => `jumprelu-4096/layer_${number}`

const allOf = (names: readonly string[]) =>
  names.flatMap((from, place) => names.slice(place + 1).map((to): [string, string] => [from, to]))
const second = 'jumprelu-4096-seed1/layer_12'

it.skipIf(skipped).each([
  // every pair of the six layers, of both seeds, of one width, and of two widths
  ...allOf([10, 11, 12, 13, 14, 15].map(layer)),
  ...[10, 11, 12, 13, 14, 15].map((number): [string, string] => [layer(number), second]),
  ...allOf([12, 13, 14].map((number) => `jumprelu-1024/layer_${number}`)),
  ...allOf(['jumprelu-8192/layer_12', 'jumprelu-8192/layer_13']),
  ...allOf(['jumprelu-1024/layer_12', 'jumprelu-2048/layer_13', layer(12), 'jumprelu-8192/layer_13']),
])(
  `%s to %s: no one-to-one match has a lower folded objective${needsSharedData}`,
  async (from, to) => {
    const { summary, certificate, n, m } = await match(await load(from), await load(to), { baselines: 'all' })
    expect(certificate).toMatchObject({ optimal: true, proof: 'full' })
    const { matched, identity, random, unfolded, cosine, nearest, mutualShare } = summary
    const others = { random, unfolded, cosine, ...(n === m && { identity }) }
    for (const [name, other] of Object.entries(others)) expect(other!.total, name).toBeGreaterThan(matched.total)
    // many-to-one partners are no matching, and may lie below
    expect(nearest!.total).toBeLessThan(matched.total)
    expect(mutualShare).toBeGreaterThan(0.05)
  },
  120_000,
)

it.skipIf(skipped)(
  `composition through a layer and itself is exact${needsSharedData}`,
  async () => {
    const [a, b] = [await load(layer(12)), await load(layer(13))]
    const [self, step] = [await match(a, a, { baselines: 'none' }), await match(a, b, { baselines: 'none' })]
    expect(self.aToB).toEqual(Int32Array.from(self.aToB.keys()))
    expect(self.cost).toBe(0)
    expect(compose(self.aToB, step.aToB)).toEqual(step.aToB)
    expect(compose(compose(step.aToB, step.bToA), step.aToB)).toEqual(step.aToB)
  },
  60_000,
)
