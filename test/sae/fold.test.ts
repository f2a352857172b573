import { describe, expect, it } from 'vitest'
import { foldingFactors, foldSae } from '../../src/sae/fold.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { dot, forward, scaledRows } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

const [n, d] = [40, 12]

describe('foldingFactors', () => {
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number
  it.each([
    ['an odd number', [3, 1, 2], 2, []],
    ['an even number', [4, 1, 2, 3], 2.5, []],
    ['zero and negative', [0, 2, -1, 4, -0], 3, [0, 2, 4]],
    ['not finite', [nan, 2, infinity, -infinity], 2, [0, 2, 3]],
    ['a thousandth of the median', [1, 1e-3, 0.999e-3, 1, 1], 1, [2]],
    ['a reciprocal that overflows', [5e-324, 5e-324], nan, [0, 1]],
    ['nothing usable', [0, nan], nan, [0, 1]],
    ['nothing', [], nan, []],
  ])('of %s', (_, threshold, median, unfoldable) => {
    const factors = foldingFactors(threshold)
    expect(factors.median).toBe(median)
    expect([...factors.unfoldable]).toEqual(unfoldable)
    expect([...factors.factor]).toEqual(threshold.map((theta, i) => (unfoldable.includes(i) ? 1 : theta)))
  })
})

describe('foldSae', () => {
  it('leaves pre-activations and reconstructions as they were, relative to the thresholds', () => {
    const random = mulberry32(11)
    const sae = syntheticSae(random, n, d, {
      encoderScale: Float64Array.from({ length: n }, () => 0.5 + random()),
      threshold: Float64Array.from({ length: n }, (_, i) => (i % 10 === 0 ? -1 : 1 + 2 * random())),
      encoder: rowMajor(Float32Array.from(normals(random, n * d)), 'f32', n, d),
    })
    const { sae: folded, unfoldable } = foldSae(sae)
    expect([...unfoldable]).toEqual([0, 10, 20, 30])
    expect([...folded.threshold!]).toEqual(Array.from({ length: n }, (_, i) => (i % 10 === 0 ? -1 : 1)))
    expect(folded.encoder).toBe(sae.encoder)
    const rows = scaledRows(sae.encoder, sae.encoderScale)
    let fired = 0
    for (let trial = 0; trial < 50; trial++) {
      const x = normals(random, d)
      const before = forward(sae, x)
      const after = forward(folded, x)
      before.preActivations.forEach((z, i) => {
        const theta = i % 10 === 0 ? 1 : sae.threshold![i]
        const band = 1e-14 * (Math.sqrt(dot(rows[i], rows[i]) * dot(x, x)) + Math.abs(sae.encoderBias[i]))
        expect(Math.abs(after.preActivations[i] * theta - z)).toBeLessThanOrEqual(band)
        expect(Math.abs(z - theta), 'the trial is away from every threshold').toBeGreaterThan(band)
        fired += before.activations[i] > 0 ? 1 : 0
        expect(after.activations[i] > 0).toBe(before.activations[i] > 0)
      })
      const size = Math.max(...before.reconstruction.map(Math.abs))
      before.reconstruction.forEach((value, k) => {
        expect(Math.abs(after.reconstruction[k] - value)).toBeLessThanOrEqual(1e-12 * size)
      })
    }
    expect(fired).toBeGreaterThan(100)
  })

  it('changes nothing when it is done again, whatever it had to leave', () => {
    const random = mulberry32(13)
    const threshold = Float64Array.of(5.5, 5.5, 5.5, 0.003, Number.NaN, -1)
    const once = foldSae(syntheticSae(random, 6, d, { threshold }))
    const twice = foldSae(once.sae)
    expect([...once.unfoldable]).toEqual([3, 4, 5])
    expect(once.sae.folded).toEqual({ unfoldable: Int32Array.of(3, 4, 5), median: 5.5 })
    expect(twice).toEqual(once)
  })

  it.each<[string, unknown, string]>([
    ['a path', 'layer_1', 'Expected a sparse autoencoder as loadSae gives it for `sae`, got "layer_1"'],
    ['null', null, 'got null'],
    ['a promise', Promise.resolve(), 'got an object (Promise)'],
    ['a decoder of another size', { decoder: rowMajor(new Float64Array(6), 'f64', 3, 2) }, '2 rows like the encoder'],
    [
      'too few thresholds',
      { threshold: new Float64Array(1) },
      'Expected 2 numbers in a Float64Array for `sae.threshold`',
    ],
  ])('refuses %s', (_, value, message) => {
    const replaced = typeof value === 'object' && value !== null && !(value instanceof Promise)
    const folding = () => foldSae((replaced ? syntheticSae(mulberry32(1), 2, 2, value) : value) as Sae)
    expect(folding).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(folding).toThrow(message)
  })

  it('keeps exact ties with power-of-two thresholds silent', () => {
    const sae = syntheticSae(mulberry32(1), 2, 1, {
      encoder: rowMajor(Float64Array.of(3, 5), 'f64', 2, 1),
      encoderBias: new Float64Array(2),
      threshold: Float64Array.of(4, 0.5),
    })
    for (const x of [4 / 3, 0.1]) {
      const ties = { ...sae, encoderBias: Float64Array.of(4 - 3 * x, 0.5 - 5 * x) }
      expect([...forward(ties, [x]).activations]).toEqual([...forward(foldSae(ties).sae, [x]).activations])
    }
  })

  it.each([
    ['powers of two, to the bit', (random: () => number) => 2 ** Math.floor(20 * random() - 10), 0],
    ['any positive numbers, to rounding', (random: () => number) => Math.exp(4 * random() - 2), 4 * 2 ** -52],
  ])('does not see the gauge: %s', (_, gauge, tolerance) => {
    const random = mulberry32(7)
    const sae = syntheticSae(random, n, d)
    const c = Float64Array.from({ length: n }, () => gauge(random))
    const regauged: Sae = {
      ...sae,
      encoderScale: c,
      encoderBias: sae.encoderBias.map((bias, i) => bias * c[i]),
      threshold: sae.threshold!.map((theta, i) => theta * c[i]),
      decoderScale: c.map((factor) => 1 / factor),
    }
    const a = foldSae(sae).sae
    const b = foldSae(regauged).sae
    const close = (x: number, y: number) => expect(Math.abs(x - y)).toBeLessThanOrEqual(tolerance * Math.abs(x))
    for (let i = 0; i < n; i++) {
      close(a.encoderScale![i], b.encoderScale![i])
      close(a.decoderScale![i], b.decoderScale![i])
      close(a.encoderBias[i], b.encoderBias[i])
    }
  })

  it.each([{ kind: 'relu' } as const, { kind: 'topk', k: 3 } as const])(
    'has nothing to fold for $kind',
    (activation) => {
      const sae = syntheticSae(mulberry32(1), 3, 2, { activation, threshold: null })
      expect(() => foldSae(sae)).toThrow(expect.objectContaining({ code: 'THRESHOLD_MISSING' }))
      expect(() => foldSae(sae)).toThrow(`synthetic: a ${activation.kind} SAE has no thresholds to fold`)
    },
  )
})
