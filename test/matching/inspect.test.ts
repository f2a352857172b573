import { describe, expect, it } from 'vitest'
import { inspectSae, inspectTogether } from '../../src/matching/inspect.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { mulberry32 } from '../helpers/random.js'
import { referenceRowMath } from '../helpers/row-math.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'

const [n, d] = [3, 2]
/** Three features with decoder rows of norm 1. */
const plain = syntheticSae(mulberry32(1), n, d, {
  encoder: rowMajor(Float64Array.of(3, 4, 0, 1, 1, 0), 'f64', n, d),
  decoder: rowMajor(Float64Array.of(0.6, 0.8, 0, 1, 1, 0), 'f64', n, d),
  encoderBias: Float64Array.of(-1, 0, 2),
  threshold: Float64Array.of(1, 2, 4),
  decoderBias: new Float64Array(d),
})
const inspect = (changed: Partial<Sae> = {}, dead: number | null = null) =>
  inspectSae({ ...plain, ...changed }, referenceRowMath, dead)

describe('inspectSae', () => {
  it('describes what is ordinary without a warning', async () => {
    const found = await inspect()
    expect(found).toMatchObject({
      features: n,
      encoder: { dtype: 'f64', shape: [n, d], storedTransposed: false },
      thresholds: { min: 1, median: 2, max: 4, unfoldable: [] },
      encoderNorms: { min: 1, median: 1, max: 5 },
      encoderBias: { min: -1, median: 0, max: 2 },
      folding: 'thresholds into the weights',
      deadRows: 0,
      neverActive: null,
      warnings: [],
    })
    expect(found.decoderNorms.min).toBeCloseTo(1, 12)
  })

  it.each<[string, Partial<Sae>, number | null, string[]]>([
    ['LayerNorm', { inputNorm: 'layer-norm' }, null, ['normalised by LayerNorm']],
    ['one norm for all inputs', { inputNorm: 'constant-norm' }, null, ['to one norm']],
    ['TopK', { threshold: null, activation: { kind: 'topk', k: 2 } }, null, ['Its TopK has no thresholds']],
    ['unfoldable thresholds', { threshold: Float64Array.of(1, 0, 2) }, null, ['1 of 3 thresholds cannot be folded']],
    [
      'a long decoder row',
      { decoderScale: Float64Array.of(1, 2, 1) },
      null,
      ['not of unit norm; folding takes that out'],
    ],
    ['a short one', { decoderScale: Float64Array.of(1, 0.9, 1) }, null, ['not of unit norm']],
    ['none for rounding', { decoderScale: Float64Array.of(1, 1.005, 1) }, null, []],
    ['a dead row', { decoderScale: Float64Array.of(1, 0, 1) }, null, ['1 of 3 decoder rows are zero']],
    ['features that never fire', {}, 2, ['2 of 3 features never fire']],
    ['decoders only', { decoderOnly: 'why' }, null, ['Only decoders can be compared: why.']],
    ['a transcoder', { site: 'transcoder' }, null, ['another place (mlp-out)']],
    ['a crosscoder', { site: 'crosscoder', outputSite: 'residual' }, null, ['another place (residual)']],
    ['a skip connection', { skipConnection: true }, null, ['left out']],
    ['what the checkpoint says itself', { warnings: ['own'] }, null, ['own']],
  ])('warns of %s', async (_, changed, dead, parts) => {
    const { warnings } = await inspect(changed, dead)
    expect(warnings).toEqual(parts.map((part) => expect.stringContaining(part)))
  })

  it('takes a zero row for no short one, and no norm from an SAE of zeros', async () => {
    const found = await inspect({ decoderScale: new Float64Array(n) })
    expect(found.deadRows).toBe(n)
    expect(found.decoderNorms.median).toBeNaN()
  })
})

describe('inspectTogether', () => {
  it('names what differs, but for what is not known', async () => {
    const all = [await inspect(), await inspect({ model: null }), await inspect({ layer: 2 })]
    expect(inspectTogether(all)).toEqual([])
    const other = await inspect({ site: 'mlp-out', model: 'o', inputNorm: 'layer-norm' })
    expect(inspectTogether([...all, other])).toEqual([
      'Several sites: residual, mlp-out.',
      'Several models: model, o.',
      'Several normalisations of the input: none, layer-norm.',
    ])
  })
})
