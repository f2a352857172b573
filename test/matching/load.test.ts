import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type LoadOptions, loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { watchAllocations } from '../helpers/allocations.js'
import { availableBackends } from '../helpers/available-backends.js'
import { expectFailure } from '../helpers/errors.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'

const examples = fileURLToPath(new URL('../../examples/smollm2-135m-1024/', import.meta.url))

describe.each(availableBackends)('loadSae on the %s backend', (backend) => {
  it('reads the example SAEs, whose match is better than any other', async () => {
    const [a, b] = [
      await loadSae(`${examples}layer_12`, { backend }),
      await loadSae(`${examples}layer_13`, { backend }),
    ]
    expect([a.layer, b.layer, a.encoder.rows, a.encoder.columns]).toEqual([12, 13, 1024, 576])
    const { certificate, summary, matched } = await match(a, b, { backend, baselines: 'all' })
    expect(matched).toBe(1024)
    expect(certificate).toMatchObject({ optimal: true, proof: 'full' })
    for (const other of [summary.unfolded, summary.cosine, summary.identity, summary.random]) {
      expect(summary.matched.total).toBeLessThan(other!.total)
    }
    expect(summary.nearest!.total).toBeLessThan(summary.matched.total)
  })

  it.skipIf(sharedData === null)(
    `reads a Gemma Scope file like the same SAE in SAELens form${needsSharedData}`,
    async () => {
      const scope = await loadSae(`${sharedData}/gemma-scope-layout/layer_12/width_4k/average_l0_38/params.npz`, {
        backend,
      })
      const lens = await loadSae(`${sharedData}/jumprelu-4096/layer_12`, { backend })
      expect(scope.source.family).toBe('gemma-scope')
      expect(lens.source.family).toBe('sae-lens')
      expect([scope.encoder.rows, scope.encoder.columns]).toEqual([lens.encoder.rows, lens.encoder.columns])
      // one of them was rounded to half precision
      for (let i = 0; i < 4096; i += 64) {
        expect(Math.abs(scope.threshold![i] / lens.threshold![i] - 1)).toBeLessThan(2 ** -10)
      }
    },
  )

  it('refuses what is not there and stops when told to', async () => {
    await expectFailure(loadSae('/nowhere/layer_1', { backend }), 'FILE_NOT_FOUND', '/nowhere/layer_1')
    await expectFailure(loadSae(examples, { backend }), 'FORMAT_UNKNOWN')
    const reason = new Error('enough')
    await expect(loadSae(`${examples}layer_12`, { backend, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('stops while it reads', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    let allocations = 0
    const stop = watchAllocations(() => {
      allocations++
      controller.abort(reason)
    })
    try {
      await expect(loadSae(`${examples}layer_12`, { backend, signal: controller.signal })).rejects.toBe(reason)
    } finally {
      stop()
    }
    // the tensors of the file, and nothing computed from them
    expect(allocations).toBe(5)
  })

  it.each<[string, unknown, unknown, 'INVALID_ARGUMENT' | 'UNKNOWN_OPTION', string]>([
    ['no path', undefined, {}, 'INVALID_ARGUMENT', 'Expected a string for `path`, got undefined'],
    ['a path that is no text', { path: 'x' }, {}, 'INVALID_ARGUMENT', '`path`'],
    ['a misspelt option', 'x', { fromat: 'sae-lens' }, 'UNKNOWN_OPTION', 'Did you mean `format`?'],
    ['options that are null', 'x', null, 'INVALID_ARGUMENT', '`options`'],
    ['an unknown family', examples, { format: 'pickle' }, 'INVALID_ARGUMENT', 'for `format`, got "pickle"'],
    ['an impossible scale', `${examples}layer_12`, { activationScale: 0 }, 'INVALID_ARGUMENT', '`activationScale`'],
  ])('refuses %s', async (_, path, options, code, message) => {
    const given = options === null ? null : { backend, ...(options as LoadOptions) }
    await expectFailure(loadSae(path as string, given as LoadOptions), code, message)
  })
})

it.skipIf(availableBackends.length < 2)('backends agree on real SAEs', async () => {
  const found = await Promise.all(
    availableBackends.map(async (backend) => {
      const saes = [
        await loadSae(`${examples}layer_13`, { backend }),
        await loadSae(`${examples}layer_14`, { backend }),
      ]
      return match(saes[0], saes[1], { backend })
    }),
  )
  expect(found[1].cost).toBe(found[0].cost)
  expect(found[1].aToB).toEqual(found[0].aToB)
  expect(found[1].costs).toEqual(found[0].costs)
  expect(found[1].margin).toEqual(found[0].margin)
  expect(found[1].rankBToA).toEqual(found[0].rankBToA)
  expect(found[1].summary).toEqual(found[0].summary)
})
