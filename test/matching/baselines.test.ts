import { describe, expect, it } from 'vitest'
import { mutualNearest } from '../../src/matching/baselines.js'
import { match } from '../../src/matching/match.js'
import type { MeanScores } from '../../src/matching/score.js'
import type { Sae } from '../../src/sae/sae.js'
import { availableBackends } from '../helpers/available-backends.js'
import { mulberry32 } from '../helpers/random.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'
import { foldedRow, squaredDistance } from './planted-pair.js'

const weights = { decoder: 1, encoder: 2, bias: 0.5 }

/** Mean scores of pairs, computed by hand. */
function byHand(a: Sae, b: Sae, pairs: readonly (readonly [number, number])[]): MeanScores {
  const d = a.decoder.columns
  const scores = pairs.map(([i, j]) => {
    const [x, y] = [foldedRow(a, i), foldedRow(b, j)]
    const [decoder, encoder] = [squaredDistance(x.decoder, y.decoder), squaredDistance(x.encoder, y.encoder)]
    const bias = (x.bias - y.bias) ** 2
    const total = weights.decoder * decoder + weights.encoder * encoder + weights.bias * bias
    return { total, decoder: decoder / d, encoder: encoder / d, bias }
  })
  const over = (part: keyof MeanScores) => scores.reduce((sum, score) => sum + score[part], 0) / scores.length
  return { total: over('total'), decoder: over('decoder'), encoder: over('encoder'), bias: over('bias') }
}

function expectScores(found: MeanScores | undefined, expected: MeanScores): void {
  for (const part of ['total', 'decoder', 'encoder', 'bias'] as const) {
    expect(Math.abs(found![part] - expected[part])).toBeLessThanOrEqual(1e-12 * expected[part])
  }
}

function permutations(values: readonly number[]): number[][] {
  if (values.length === 0) return [[]]
  return values.flatMap((value, k) =>
    permutations(values.filter((_, other) => other !== k)).map((rest) => [value, ...rest]),
  )
}

describe.each(availableBackends)('baselines on the %s backend', (backend) => {
  const random = mulberry32(21)
  const [a, b] = [syntheticSae(random, 5, 4), syntheticSae(random, 5, 4)]
  const all = [0, 1, 2, 3, 4]
  const cost = (i: number, j: number) => byHand(a, b, [[i, j]]).total

  it('score identity, nearest and mutual neighbours as computed by hand', async () => {
    const { summary } = await match(a, b, { backend, weights })
    const least = (costs: number[]) => costs.indexOf(Math.min(...costs))
    const nearest = all.map((i) => least(all.map((j) => cost(i, j))))
    const nearestOfB = all.map((j) => least(all.map((i) => cost(i, j))))
    const mutual = all.filter((i) => nearestOfB[nearest[i]] === i)
    expectScores(
      summary.identity,
      byHand(
        a,
        b,
        all.map((i) => [i, i]),
      ),
    )
    expectScores(
      summary.nearest,
      byHand(
        a,
        b,
        all.map((i) => [i, nearest[i]]),
      ),
    )
    expectScores(
      summary.nearestBToA,
      byHand(
        a,
        b,
        all.map((j) => [nearestOfB[j], j]),
      ),
    )
    expectScores(
      summary.mutual,
      byHand(
        a,
        b,
        mutual.map((i) => [i, nearest[i]]),
      ),
    )
    expect(summary.mutualShare).toBe(mutual.length / 5)
  })

  it('expect of chance what the mean over all permutations is', async () => {
    const { summary } = await match(a, b, { backend, weights })
    const everyPair = permutations(all).flatMap((order) => order.map((j, i) => [i, j] as const))
    expectScores(summary.randomExpected, byHand(a, b, everyPair))
  })

  it('sample chance near its expectation, and repeat it', async () => {
    const seeds = Array.from({ length: 400 }, (_, seed) => seed)
    const { summary } = await match(a, b, { backend, seeds })
    expect(Math.abs(summary.random!.total / summary.randomExpected!.total - 1)).toBeLessThan(0.05)
    expect((await match(a, b, { backend, seeds })).summary).toEqual(summary)
  })

  it('leave out what was not asked for', async () => {
    const of = async (baselines: 'none' | 'basic' | 'all') =>
      Object.keys((await match(a, b, { backend, baselines })).summary).sort()
    const basic = ['identity', 'matched', 'mutual', 'mutualShare', 'nearest', 'nearestBToA', 'random', 'randomExpected']
    expect(await of('none')).toEqual(['matched'])
    expect(await of('basic')).toEqual(basic)
    expect(await of('all')).toEqual([...basic, 'cosine', 'unfolded'].sort())
  })

  it('never beat the optimum one-to-one', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const draw = mulberry32(100 + seed)
      const [c, d] = [syntheticSae(draw, 40, 6), syntheticSae(draw, 40, 6)]
      const {
        matched,
        identity,
        random: chance,
        unfolded,
        cosine,
      } = (await match(c, d, { backend, baselines: 'all' })).summary
      for (const other of [identity, chance, unfolded, cosine]) expect(matched.total).toBeLessThanOrEqual(other!.total)
    }
  })

  it('compare the same features where some were left out', async () => {
    const broken = { ...a, threshold: a.threshold!.with(1, Number.NaN) }
    const { summary } = await match(broken, b, { backend, weights, baselines: 'all' })
    expectScores(
      summary.identity,
      byHand(
        a,
        b,
        [0, 2, 3, 4].map((i) => [i, i]),
      ),
    )
    const everyPair = [0, 2, 3, 4].flatMap((i) => all.map((j) => [i, j] as const))
    expectScores(summary.randomExpected, byHand(a, b, everyPair))
    expect(summary.matched.total).toBeLessThanOrEqual(summary.unfolded!.total)
    // a share of all five features, the one that was left out included
    expect([0, 0.2, 0.4, 0.6, 0.8]).toContain(summary.mutualShare)
  })
})

describe('mutualNearest', () => {
  it('keeps pairs that are nearest both ways', () => {
    const neighbours = { nearestColumn: Int32Array.of(1, 1, 0, -1), nearestRow: Int32Array.of(2, 1) }
    expect([...mutualNearest(neighbours as Parameters<typeof mutualNearest>[0])]).toEqual([-1, 1, 0, -1])
  })
})
