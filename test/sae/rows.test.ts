import { describe, expect, it } from 'vitest'
import { foldSae } from '../../src/sae/fold.js'
import { featureRows, type RowOptions, type Rows, weightPresets } from '../../src/sae/rows.js'
import type { Sae } from '../../src/sae/sae.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { expectFailure } from '../helpers/errors.js'
import { dot, scaledRows } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { referenceRowMath } from '../helpers/row-math.js'
import { syntheticSae } from '../helpers/synthetic-sae.js'

const [n, d] = [20, 6]
const random = mulberry32(21)
const scales = () => Float64Array.from({ length: n }, () => 0.5 + random())
const sae = syntheticSae(random, n, d, { encoderScale: scales(), decoderScale: scales() })
const rowsOf = (subject: Sae, options: RowOptions) => featureRows(subject, options, referenceRowMath)

/** The rows as the cost sees them. */
function materialise(rows: Rows): number[][] {
  return Array.from({ length: rows.count }, (_, r) => {
    const i = rows.index?.[r] ?? r
    return rows.blocks.flatMap(({ matrix, scale }) => [...readRow(matrix, i)].map((value) => value * (scale?.[i] ?? 1)))
  })
}

function expectRows(rows: Rows, expected: (i: number) => number[]): void {
  materialise(rows).forEach((row, r) => {
    const wanted = expected(rows.index?.[r] ?? r)
    expect(row.length).toBe(wanted.length)
    expect(row.length).toBe(rows.width)
    row.forEach((value, k) => {
      expect(Math.abs(value - wanted[k])).toBeLessThanOrEqual(8 * 2 ** -52 * Math.abs(wanted[k]))
    })
  })
}

const decoder = scaledRows(sae.decoder, sae.decoderScale)
const encoder = scaledRows(sae.encoder, sae.encoderScale)
const bias = sae.encoderBias
const times = (row: Float64Array, factor: number) => [...row].map((value) => value * factor)
const norm = (row: Float64Array) => Math.sqrt(dot(row, row))

describe('featureRows', () => {
  it('folds by default, with every weight 1', async () => {
    const rows = await rowsOf(sae, {})
    const theta = sae.threshold!
    expect(rows).toMatchObject({ count: n, width: 2 * d + 1, index: null, scale: 'fold' })
    expect(rows.blocks.map(({ name }) => name)).toEqual(['decoder', 'encoder', 'bias'])
    expectRows(rows, (i) => [...times(decoder[i], theta[i]), ...times(encoder[i], 1 / theta[i]), bias[i] / theta[i]])
  })

  it('is a view of the stored tensors, with the scales of the folded SAE', async () => {
    const { blocks } = await rowsOf(sae, {})
    const folded = foldSae(sae).sae
    expect(blocks[0].matrix).toBe(sae.decoder)
    expect(blocks[1].matrix).toBe(sae.encoder)
    expect(blocks[0].scale).toEqual(folded.decoderScale)
    expect(blocks[1].scale).toEqual(folded.encoderScale)
  })

  it('unit: each part of unit norm, the bias relative to the encoder', async () => {
    expectRows(await rowsOf(sae, { scale: 'unit' }), (i) => [
      ...times(decoder[i], 1 / norm(decoder[i])),
      ...times(encoder[i], 1 / norm(encoder[i])),
      bias[i] / norm(encoder[i]),
    ])
  })

  it('none: unit decoders, encoder and bias to match', async () => {
    expectRows(await rowsOf(sae, { scale: 'none' }), (i) => [
      ...times(decoder[i], 1 / norm(decoder[i])),
      ...times(encoder[i], norm(decoder[i])),
      bias[i] * norm(decoder[i]),
    ])
  })

  it.each([
    ['Float32Array', Float32Array.from({ length: n }, (_, i) => i + 1)],
    ['Float64Array', Float64Array.from({ length: n }, (_, i) => i + 1)],
  ])('stat: the numbers of the caller in place of thresholds (%s)', async (_, stat) => {
    const rows = await rowsOf(sae, { scale: { stat } })
    expect(rows.scale).toBe('stat')
    expectRows(rows, (i) => [...times(decoder[i], i + 1), ...times(encoder[i], 1 / (i + 1)), bias[i] / (i + 1)])
  })

  it('does not see the gauge when folded or without scale, since decoders are then of unit norm', async () => {
    const c = Float64Array.from({ length: n }, () => 2 ** Math.floor(9 * random() - 4))
    const regauged: Sae = {
      ...sae,
      encoderScale: sae.encoderScale!.map((scale, i) => scale * c[i]),
      encoderBias: sae.encoderBias.map((value, i) => value * c[i]),
      threshold: sae.threshold!.map((theta, i) => theta * c[i]),
      decoderScale: sae.decoderScale!.map((scale, i) => scale / c[i]),
    }
    for (const scale of ['fold', 'none', 'unit'] as const) {
      expect(materialise(await rowsOf(regauged, { scale }))).toEqual(materialise(await rowsOf(sae, { scale })))
    }
  })

  it.each([
    ['all', ['decoder', 'encoder', 'bias'], 2 * d + 1],
    ['decoder', ['decoder'], d],
    ['encoder', ['encoder'], d],
    ['decoder+encoder', ['decoder', 'encoder'], 2 * d],
  ] as const)('the preset %s', async (preset, names, width) => {
    const rows = await rowsOf(sae, { weights: weightPresets[preset] })
    expect(rows.blocks.map(({ name }) => name)).toEqual(names)
    expect(rows.width).toBe(width)
  })

  it('weighs the terms of the cost: rows carry the square roots', async () => {
    const weighted = materialise(await rowsOf(sae, { weights: { decoder: 4, encoder: 0, bias: 16 } }))
    const plain = materialise(await rowsOf(sae, {}))
    weighted.forEach((row, i) => {
      expect(row).toEqual([...plain[i].slice(0, d).map((value) => 2 * value), 4 * plain[i][2 * d]])
    })
  })

  const uneven = { ...sae, threshold: sae.threshold!.map((theta, i) => (i === 2 ? Number.NaN : i === 5 ? 0 : theta)) }
  it('leaves out what cannot be folded, and says so', async () => {
    const rows = await rowsOf(uneven, {})
    expect([...rows.unfoldable]).toEqual([2, 5])
    expect([...rows.index!]).toEqual(Array.from({ length: n }, (_, i) => i).filter((i) => i !== 2 && i !== 5))
    expect(rows.count).toBe(n - 2)
    expect(materialise(rows)[2]).toEqual(materialise(await rowsOf(sae, {}))[3])
  })

  it('gives it the median instead, when asked to', async () => {
    const rows = await rowsOf(uneven, { unfoldable: 'median' })
    const usable = [...uneven.threshold].filter((theta) => theta > 0).sort((a, b) => a - b)
    const median = (usable[n / 2 - 2] + usable[n / 2 - 1]) / 2
    expect([...rows.unfoldable]).toEqual([2, 5])
    expect(rows.index).toBeNull()
    expectRows({ ...rows, count: 1, index: Int32Array.of(5) }, (i) => [
      ...times(decoder[i], median),
      ...times(encoder[i], 1 / median),
      bias[i] / median,
    ])
  })

  it.each(['exclude', 'median'] as const)('leave out what the caller calls dead, %s or not', async (unfoldable) => {
    const dead = Uint8Array.from({ length: n }, (_, i) => (i === 0 || i === 2 ? 1 : 0))
    const [whole, rows] = [await rowsOf(uneven, { unfoldable }), await rowsOf(uneven, { unfoldable, dead })]
    const all = [...(whole.index ?? Int32Array.from(dead, (_, i) => i))]
    expect([...(rows.index ?? [])]).toEqual(all.filter((i) => dead[i] === 0))
    expect([...rows.dead]).toEqual([0, 2])
    expect(rows.blocks).toEqual(whole.blocks)
  })

  it.each(['exclude', 'median'] as const)('of a folded SAE are those of the SAE itself: %s', async (unfoldable) => {
    const wide = { ...sae, threshold: sae.threshold!.map((theta, i) => (i === 4 ? 1e-3 * theta : 5.5 * theta)) }
    const [once, again] = [await rowsOf(wide, { unfoldable }), await rowsOf(foldSae(wide).sae, { unfoldable })]
    expect([...once.unfoldable]).toEqual([4])
    expect([...again.unfoldable]).toEqual([4])
    const expected = materialise(once)
    expectRows(again, (i) => expected[once.index === null ? i : once.index.indexOf(i)])
  })

  it.each(['fold', 'unit', 'none'] as const)('keeps zero rows zero and names them: %s', async (scale) => {
    const data = Float64Array.from(sae.decoder.data as Float64Array)
    data.fill(0, 3 * d, 4 * d)
    const decoderScale = sae.decoderScale!.map((value, i) => (i === 7 ? 0 : value))
    const rows = await rowsOf({ ...sae, decoder: rowMajor(data, 'f64', n, d), decoderScale }, { scale })
    expect([...rows.zeroRows]).toEqual([3, 7])
    const all = materialise(rows)
    expect(all.flat().every(Number.isFinite)).toBe(true)
    expect([...all[3].slice(0, d), ...all[7].slice(0, d)].every((value) => value === 0)).toBe(true)
  })

  const relu = syntheticSae(random, n, d, { threshold: null, activation: { kind: 'relu' } })
  it('needs thresholds to fold', async () => {
    await expectFailure(rowsOf(relu, {}), 'THRESHOLD_MISSING', 'synthetic')
    await expectFailure(rowsOf({ ...sae, threshold: new Float64Array(n) }, {}), 'THRESHOLD_MISSING', 'threshold')
    expect((await rowsOf(relu, { scale: 'unit' })).count).toBe(n)
  })

  it.each<[string, unknown, string]>([
    ['a negative weight', { weights: { decoder: -1, encoder: 1, bias: 1 } }, '`weights.decoder`, got -1'],
    ['a weight that is missing', { weights: { decoder: 1, encoder: 1 } }, '`weights.bias`, got undefined'],
    ['a weight that is not finite', { weights: { decoder: 1, encoder: Number.NaN, bias: 1 } }, '`weights.encoder`'],
    ['no weight', { weights: { decoder: 0, encoder: 0, bias: 0 } }, '`weights`'],
    ['an unknown scale', { scale: 'folded' }, '`scale`, got "folded"'],
    ['a scale that is null', { scale: null }, '`scale`, got null'],
    ['a statistic that is a list', { scale: { stat: [1, 2] } }, '`scale`'],
    ['a statistic of another length', { scale: { stat: new Float64Array(3) } }, '20 numbers'],
    ['a negative statistic', { scale: { stat: new Float64Array(n).fill(-1) } }, '`scale.stat[0]`, got -1'],
    ['a statistic without a positive number', { scale: { stat: new Float64Array(n) } }, 'statistic'],
    ['a mask of another length', { dead: new Uint8Array(1) }, '`dead`'],
    ['a mask of other numbers', { dead: new Uint8Array(n).fill(2) }, '`dead[0]`, got 2'],
    ['no mask', { dead: [1] as never }, '`dead`'],
    ['an unknown treatment', { unfoldable: 'drop' }, '`unfoldable`, got "drop"'],
  ])('refuses %s', async (_, options, part) => {
    await expect(rowsOf(sae, options as RowOptions)).rejects.toThrow(part)
  })
})
