import { describe, expect, it } from 'vitest'
import type { Backend } from '../../src/backend/backend.js'
import { createEncoder, encode, type FeatureActivations } from '../../src/evaluation/encode.js'
import { foldSae } from '../../src/sae/fold.js'
import type { Sae } from '../../src/sae/sae.js'
import { type Matrix, rowMajor, transpose } from '../../src/tensor/matrix.js'
import { readRow } from '../../src/tensor/row.js'
import { describeBackends } from '../helpers/backends.js'
import { expectFailure } from '../helpers/errors.js'
import { forward } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

/** [tokens][features] with zeros. */
function dense({ indptr, indices, data, rows, columns }: FeatureActivations): number[][] {
  return Array.from({ length: rows }, (_, t) => {
    const row = new Array<number>(columns).fill(0)
    for (let e = indptr[t]; e < indptr[t + 1]; e++) row[indices[e]] = data[e]
    return row
  })
}

const expected = (sae: Sae, x: Matrix) =>
  Array.from({ length: x.rows }, (_, t) => [...forward(sae, readRow(x, t)).activations])

function expectClose(found: number[][], wanted: number[][]): void {
  expect(found).toHaveLength(wanted.length)
  found.forEach((row, t) => {
    // the same features are active, which toBeCloseTo would not notice of small ones
    expect(row.map((value) => value > 0)).toEqual(wanted[t].map((value) => value > 0))
    row.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[t][i], 10)
    })
  })
}

const random = mulberry32(5)
const [n, d, tokens] = [70, 24, 40]
const x = rowMajor(normals(random, tokens * d), 'f64', tokens, d)
const jumprelu = syntheticSae(random, n, d)

describeBackends('encode', (backend) => {
  const encodeAll = async (sae: Sae, input: Matrix, kept: Int32Array | null = null) =>
    (await (await createEncoder(sae, backend() as Backend)).encode(input, kept)).activations

  it('equals the forward pass of the canonical form for every activation', async () => {
    const topk: Sae = { ...jumprelu, threshold: null, activation: { kind: 'topk', k: 5 } }
    for (const sae of [
      jumprelu,
      { ...jumprelu, threshold: null, activation: { kind: 'relu' } } as Sae,
      topk,
      { ...topk, activation: { kind: 'topk', k: 1000 } } as Sae,
      { ...jumprelu, encoderScale: Float64Array.from({ length: n }, (_, i) => 0.1 + i / 10) },
      { ...jumprelu, encoder: transpose(rowMajor(normals(mulberry32(8), n * d), 'f64', d, n)) },
    ]) {
      const found = await encodeAll(sae, x)
      expect(found.indices.length).toBeGreaterThan(tokens)
      expectClose(dense(found), expected(sae, x))
    }
  })

  it('gives the same features folded, each divided by its threshold', async () => {
    const [raw, folded] = [await encodeAll(jumprelu, x), await encodeAll(foldSae(jumprelu).sae, x)]
    expect(folded.indices).toEqual(raw.indices)
    folded.data.forEach((value, e) => {
      expect(value * jumprelu.threshold![raw.indices[e]]).toBeCloseTo(raw.data[e], 12)
    })
  })

  it('encodes the tokens it is asked for, the others may be anything', async () => {
    const broken = rowMajor((x.data as Float64Array).slice(), 'f64', tokens, d)
    ;(broken.data as Float64Array).fill(Number.NaN, d, 2 * d)
    const kept = Int32Array.of(0, 2, 3, 39)
    const all = dense(await encodeAll(jumprelu, x))
    expect(dense(await encodeAll(jumprelu, broken, kept))).toEqual([...kept].map((t) => all[t]))
  })

  it('compares strictly, and a zero row or token leaves the bias', async () => {
    // z is exactly the bias where encoder or token are zero
    const sae: Sae = {
      ...syntheticSae(mulberry32(1), 4, 2),
      encoder: rowMajor(Float64Array.of(0, 0, 0, 0, 3, 4, 0, 0), 'f64', 4, 2),
      encoderBias: Float64Array.of(2, 2, 0, -1),
      threshold: Float64Array.of(2, 1.5, -3, -2),
    }
    const input = rowMajor(Float64Array.of(0, 0, 1, 1), 'f64', 2, 2)
    expectClose(dense(await encodeAll(sae, input)), [
      [0, 2, 0, 0],
      [0, 2, 7, 0],
    ])
  })

  it('gives ties of TopK to the lower index and keeps nothing that is not positive', async () => {
    const sae: Sae = {
      ...syntheticSae(mulberry32(1), 4, 2),
      encoder: rowMajor(Float64Array.of(1, 0, 2, 0, 1, 0, -1, 0), 'f64', 4, 2),
      encoderBias: new Float64Array(4),
      threshold: null,
      activation: { kind: 'topk', k: 2 },
    }
    const input = rowMajor(Float64Array.of(1, 0, -1, 0), 'f64', 2, 2)
    expectClose(dense(await encodeAll(sae, input)), [
      [1, 2, 0, 0],
      [0, 0, 0, 1],
    ])
  })

  it('normalises tokens as the SAE does', async () => {
    const sae: Sae = {
      ...jumprelu,
      inputNorm: 'constant-norm',
      threshold: jumprelu.threshold!.map((theta) => theta / 2),
    }
    const scaled = rowMajor(
      Float64Array.from(x.data, (value) => 1000 * value),
      'f64',
      tokens,
      d,
    )
    const [plain, big] = [await encodeAll(sae, x), await encodeAll(sae, scaled)]
    expect(big.indices).toEqual(plain.indices)
    expectClose(dense(big), dense(plain))
  })
})

describe('encode', () => {
  it('cuts its input into batches that change no bit', async () => {
    const whole = await encode(jumprelu, x)
    const many = rowMajor(
      Float64Array.from({ length: 60 * tokens * d }, (_, k) => x.data[k % (tokens * d)]),
      'f64',
      60 * tokens,
      d,
    )
    const cut = dense(await encode(jumprelu, many))
    expect(cut).toHaveLength(60 * tokens)
    const rows = dense(whole)
    cut.forEach((row, t) => {
      expect(row).toEqual(rows[t % tokens])
    })
  })

  it('refuses another width and unknown options', async () => {
    await expectFailure(encode(jumprelu, rowMajor(new Float32Array(6), 'f32', 2, 3)), 'INVALID_ARGUMENT', '24 columns')
    await expectFailure(encode(jumprelu, x, { batch: 3 } as never), 'UNKNOWN_OPTION', 'batch')
  })
})
