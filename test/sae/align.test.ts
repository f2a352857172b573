import { describe, expect, it } from 'vitest'
import { getBackend } from '../../src/backend/select.js'
import { alignSae } from '../../src/sae/align.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { availableBackends } from '../helpers/available-backends.js'
import { expectFailure } from '../helpers/errors.js'
import { forward } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { normals, syntheticSae } from '../helpers/synthetic-sae.js'

const [n, d] = [40, 7]
const random = mulberry32(31)
const sae = syntheticSae(random, n, d)
const r = normals(random, d * d)

/** `x R` */
const moved = (x: Float64Array) =>
  Float64Array.from({ length: d }, (_, k) => x.reduce((sum, value, l) => sum + value * r[l * d + k], 0))

function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-9) {
  expect(found).toHaveLength(wanted.length)
  for (let k = 0; k < wanted.length; k++) expect(Math.abs(found[k] - wanted[k])).toBeLessThan(tolerance)
}

describe.each(availableBackends)('an aligned SAE on the %s backend', (name) => {
  it('does in the other space what the original does in its own', async () => {
    const aligned = await alignSae(sae, r, await getBackend(name))
    for (let t = 0; t < 20; t++) {
      const x = normals(random, d)
      const [own, other] = [forward(sae, x), forward(aligned, moved(x))]
      expectClose(other.activations, own.activations)
      expectClose(other.reconstruction, moved(Float64Array.from(own.reconstruction)))
    }
    // and nothing else of it works: neither R nor its inverse for both matrices
    expect(aligned.encoder.data).not.toEqual(sae.encoder.data)
    expect(aligned.threshold).toBe(sae.threshold)
  })

  it('is the original to the bit under the identity, also where its weights are stored in half precision', async () => {
    const identity = Float32Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0))
    const half = {
      ...sae,
      decoder: rowMajor(
        Uint16Array.from({ length: n * d }, (_, k) => 0x3000 + k),
        'f16',
        n,
        d,
      ),
    }
    const aligned = await alignSae(half, identity, await getBackend(name))
    expect([...aligned.encoder.data]).toEqual([...sae.encoder.data])
    expect(aligned.decoder).toMatchObject({ dtype: 'f32', rows: n, columns: d })
    // 0x3000 is 0.125 in f16, the last bit 2^-13
    expect([...aligned.decoder.data]).toEqual(Array.from({ length: n * d }, (_, k) => 0.125 + k * 2 ** -13))
    expect([...aligned.decoderBias]).toEqual([...sae.decoderBias])
  })
})

it('ends when it is told to, with columns left', async () => {
  const controller = new AbortController()
  const backend = await getBackend('typescript')
  let columns = 0
  const rowDots: typeof backend.rowDots = async (matrix, vector) => {
    if (++columns === 3) controller.abort(new Error('enough'))
    return backend.rowDots(matrix, vector)
  }
  const identity = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0))
  const aligning = alignSae(sae, identity, { ...backend, rowDots }, controller.signal)
  await expect(aligning).rejects.toThrow('enough')
  expect(columns).toBe(3)
})

describe('refused alignments', () => {
  const align = async (alignment: unknown) => alignSae(sae, alignment as Float64Array, await getBackend('typescript'))
  const singular = Float64Array.from({ length: d * d }, (_, k) => Math.floor(k / d) + (k % d))
  it.each([
    ['none', [1, 2], 'a Float32Array or Float64Array'],
    ['no square', new Float64Array(8), 'd x d numbers'],
    ['a NaN', new Float32Array(d * d).fill(Number.NaN), 'a finite number for `alignment[0]`, got NaN'],
    ['zeros', new Float64Array(d * d), 'an invertible matrix'],
    ['rank 2', singular, 'an invertible matrix'],
  ])('%s', async (_, alignment, message) => {
    await expectFailure(align(alignment), 'INVALID_ARGUMENT', message)
  })

  it.each([1e-39, 1e39])('numbers of about %s, with which weights leave the range of f32', async (size) => {
    const scaled = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? size : 0))
    const matrix = rowMajor(new Float32Array(n * d).fill(1), 'f32', n, d)
    const single = { ...sae, encoder: matrix, decoder: matrix }
    const aligning = alignSae(single, scaled, await getBackend('typescript'))
    await expectFailure(aligning, 'INVALID_ARGUMENT', 'a matrix that keeps weights within f32')
  })

  it('another width', async () => {
    await expectFailure(align(Float64Array.of(1, 0, 0, 1)), 'NOT_COMPARABLE', 'width 2', 'found 7')
  })
})
