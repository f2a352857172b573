import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { encodeNpz } from '../../src/output/npz.js'
import { canonicalSae } from '../../src/sae/canonical.js'
import { foldSae } from '../../src/sae/fold.js'
import { type TestTensor, writeSaeLens } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { dot, forward, keepLargest } from '../helpers/forward.js'
import { mulberry32 } from '../helpers/random.js'
import { referenceRowMath } from '../helpers/row-math.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'
import { normals } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const [n, d] = [24, 10]
const random = mulberry32(3)
const stored = {
  W_enc: normals(random, d * n),
  W_dec: normals(random, n * d).map((value, at) => value * (1 + (Math.floor(at / d) % 3))),
  b_dec: normals(random, d),
  b_enc: normals(random, n),
  threshold: Float64Array.from({ length: n }, () => 0.5 + random()),
  b_gate: normals(random, n),
  b_mag: normals(random, n),
  r_mag: normals(random, n).map((value) => value / 2),
  factor: Float64Array.from({ length: n }, () => 0.5 + random()),
}
type Name = keyof typeof stored

const columns = (matrix: Float64Array) =>
  Array.from({ length: n }, (_, i) => Float64Array.from({ length: d }, (_, k) => matrix[k * n + i]))
const rowsOf = (matrix: Float64Array) => Array.from({ length: n }, (_, i) => matrix.subarray(i * d, (i + 1) * d))
const norms = rowsOf(stored.W_dec).map((row) => Math.sqrt(dot(row, row)))

/** How the original code decodes: a transcription of SAELens. */
const decode = (f: Float64Array, scale = 1) =>
  stored.b_dec.map(
    (bias, k) =>
      (bias +
        dot(
          f,
          rowsOf(stored.W_dec).map((row) => row[k]),
        )) /
      scale,
  )
/** `process_sae_in(x) @ W_enc` */
const encode = (x: Float64Array, subtract: boolean) => {
  const input = x.map((value, k) => value - (subtract ? stored.b_dec[k] : 0))
  return Float64Array.from(columns(stored.W_enc), (column) => dot(column, input))
}
const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i])
const times = (a: Float64Array, b: ArrayLike<number>) => a.map((value, i) => value * b[i])
const relu = (a: Float64Array) => a.map((value) => Math.max(value, 0))
const jumprelu = (z: Float64Array, threshold: ArrayLike<number>) =>
  relu(z).map((value, i) => (z[i] > threshold[i] ? value : 0))

interface Case {
  readonly config: object
  readonly tensors: readonly Name[]
  readonly original: (x: Float64Array) => Float64Array
  readonly options?: { readonly activationScale: number }
}
const s = 0.37
const topk = { architecture: 'topk', k: 5, apply_b_dec_to_input: true }
const cases: Record<string, Case> = {
  'standard, decoder bias subtracted': {
    config: { architecture: 'standard' },
    tensors: ['b_enc'],
    original: (x) => decode(relu(plus(encode(x, true), stored.b_enc))),
  },
  'standard, not subtracted': {
    config: { architecture: 'standard', apply_b_dec_to_input: false },
    tensors: ['b_enc'],
    original: (x) => decode(relu(plus(encode(x, false), stored.b_enc))),
  },
  'jumprelu, decoder bias subtracted': {
    config: { architecture: 'jumprelu' },
    tensors: ['b_enc', 'threshold'],
    original: (x) => decode(jumprelu(plus(encode(x, true), stored.b_enc), stored.threshold)),
  },
  'jumprelu, not subtracted': {
    config: { architecture: 'jumprelu', apply_b_dec_to_input: false },
    tensors: ['b_enc', 'threshold'],
    original: (x) => decode(jumprelu(plus(encode(x, false), stored.b_enc), stored.threshold)),
  },
  'jumprelu with a factor on every activation': {
    config: { architecture: 'jumprelu', finetuning_scaling_factor: true },
    tensors: ['b_enc', 'threshold', 'factor'],
    original: (x) => decode(times(jumprelu(plus(encode(x, true), stored.b_enc), stored.threshold), stored.factor)),
  },
  'jumprelu with scaled activations': {
    config: { architecture: 'jumprelu', normalize_activations: 'expected_average_only_in' },
    tensors: ['b_enc', 'threshold'],
    options: { activationScale: s },
    original: (x) =>
      decode(
        jumprelu(
          plus(
            encode(
              x.map((value) => value * s),
              true,
            ),
            stored.b_enc,
          ),
          stored.threshold,
        ),
        s,
      ),
  },
  topk: {
    config: topk,
    tensors: ['b_enc'],
    original: (x) => decode(relu(keepLargest(plus(encode(x, true), stored.b_enc), 5))),
  },
  'topk before version 6': {
    config: { architecture: 'standard', activation_fn_str: 'topk', activation_fn_kwargs: { k: 5 } },
    tensors: ['b_enc'],
    original: (x) => decode(relu(keepLargest(plus(encode(x, true), stored.b_enc), 5))),
  },
  'topk by decoder norm': {
    config: { ...topk, rescale_acts_by_decoder_norm: true },
    tensors: ['b_enc'],
    original: (x) => {
      const z = times(plus(encode(x, true), stored.b_enc), norms)
      return decode(relu(keepLargest(z, 5)).map((value, i) => value / norms[i]))
    },
  },
  gated: {
    config: { architecture: 'gated' },
    tensors: ['b_gate', 'b_mag', 'r_mag'],
    original: (x) => {
      const pre = encode(x, true)
      const gate = plus(pre, stored.b_gate)
      const magnitude = relu(plus(times(pre, stored.r_mag.map(Math.exp)), stored.b_mag))
      return decode(magnitude.map((value, i) => (gate[i] > 0 ? value : 0)))
    },
  },
}

let count = 0
function write(config: object, tensors: readonly Name[], replaced: Partial<Record<string, Float64Array>> = {}): string {
  const tensor = (name: string, data: Float64Array): TestTensor => ({
    data,
    shape: name === 'W_enc' ? [d, n] : name === 'W_dec' ? [n, d] : [data.length],
  })
  const entries = ['W_enc', 'W_dec', 'b_dec', ...tensors].map((name) => {
    const values = replaced[name] ?? stored[name as Name]
    return [name === 'factor' ? 'finetuning_scaling_factor' : name, tensor(name, values)]
  })
  return writeSaeLens(join(folder, `sae-${count++}`), { d_in: d, d_sae: n, ...config }, Object.fromEntries(entries))
}

function expectEqual(actual: Float64Array, expected: Float64Array): void {
  const size = Math.max(...expected.map(Math.abs))
  actual.forEach((value, k) => {
    expect(Math.abs(value - expected[k])).toBeLessThanOrEqual(1e-12 * size)
  })
}

describe('canonicalSae', () => {
  it.each(Object.entries(cases))(
    'computes what the original does: %s',
    async (_, { config, tensors, original, options }) => {
      const sae = await canonicalSae(await readCheckpoint(write(config, tensors), options), referenceRowMath)
      expect(sae.encoder).toMatchObject({ rows: n, columns: d })
      const inputs = mulberry32(5)
      let active = 0
      for (let trial = 0; trial < 20; trial++) {
        const x = normals(inputs, d)
        const { activations, reconstruction } = forward(sae, x)
        expectEqual(reconstruction, original(x))
        active += activations.filter((value) => value > 0).length
      }
      expect(active).toBeGreaterThan(20)
      expect(active).toBeLessThan(20 * n)
    },
  )

  it('computes what the original does: gemma scope', async () => {
    const path = join(folder, 'layer_3/width_16k/average_l0_9/params.npz')
    mkdirSync(join(path, '..'), { recursive: true })
    const { W_enc, W_dec, b_enc, b_dec, threshold } = stored
    const matrices = { W_enc: { data: W_enc, shape: [d, n] }, W_dec: { data: W_dec, shape: [n, d] } }
    writeFileSync(path, encodeNpz({ ...matrices, b_enc, b_dec, threshold }))
    const sae = await canonicalSae(await readCheckpoint(path), referenceRowMath)
    expect(sae).toMatchObject({ layer: 3, averageL0: 9, encoderScale: null, decoderScale: null })
    const x = normals(random, d)
    expectEqual(forward(sae, x).reconstruction, decode(jumprelu(plus(encode(x, false), b_enc), threshold)))
  })

  it('keeps the big tensors as they are stored', async () => {
    const checkpoint = await readCheckpoint(write(cases.gated.config, cases.gated.tensors))
    const sae = await canonicalSae(checkpoint, referenceRowMath)
    expect(sae.encoder).toBe(checkpoint.encoder.matrix)
    expect(sae.decoder).toBe(checkpoint.decoder.matrix)
    expect(sae.encoder).toMatchObject({ rowStride: 1, columnStride: n, dtype: 'f64' })
  })

  it('lets zero decoder rows be zero when activations are ranked by decoder norm', async () => {
    const W_dec = stored.W_dec.map((value, at) => (at < d ? 0 : value))
    const path = write({ ...topk, rescale_acts_by_decoder_norm: true }, ['b_enc'], { W_dec })
    const sae = await canonicalSae(await readCheckpoint(path), referenceRowMath)
    expect(sae.encoderScale?.[0]).toBe(0)
    expect(Math.abs(sae.encoderBias[0])).toBe(0)
    expect(sae.decoderScale?.every(Number.isFinite)).toBe(true)
  })

  it.each([
    { inputScale: Number.POSITIVE_INFINITY },
    { outputScale: 1e-320 },
    { outputScale: 0 },
    { inputScale: Number.NaN },
  ])('refuses scales of activations that make infinite weights: %o', async (scales) => {
    const checkpoint = await readCheckpoint(write(cases.gated.config, cases.gated.tensors))
    const canonical = canonicalSae({ ...checkpoint, ...scales }, referenceRowMath)
    await expectFailure(canonical, 'FORMAT_INVALID', checkpoint.source.path, `found ${Object.values(scales)[0]}`)
  })

  const withValue = (name: Name, at: number, value: number) => {
    const values = Float64Array.from(stored[name])
    values[at] = value
    return { [name]: values }
  }
  it.each<[Name, number, number, Case, string, string]>([
    ['W_enc', 3, Number.NaN, cases['jumprelu, not subtracted'], 'W_enc', 'feature 3'],
    ['W_dec', 2 * d + 1, Number.POSITIVE_INFINITY, cases['jumprelu, not subtracted'], 'W_dec', 'feature 2'],
    ['b_enc', 4, Number.NaN, cases['standard, not subtracted'], 'b_enc', 'NaN at 4'],
    ['b_dec', 5, Number.NEGATIVE_INFINITY, cases.topk, 'b_dec', '-Infinity at 5'],
    ['threshold', 2, Number.NaN, cases['jumprelu, not subtracted'], 'threshold', 'NaN at 2'],
    ['threshold', 9, Number.POSITIVE_INFINITY, cases['jumprelu, not subtracted'], 'threshold', 'Infinity at 9'],
    ['b_gate', 6, Number.NaN, cases.gated, 'b_gate', 'NaN at 6'],
    ['r_mag', 7, 1e4, cases.gated, 'exp(r_mag)', 'Infinity at 7'],
    [
      'factor',
      8,
      Number.NaN,
      cases['jumprelu with a factor on every activation'],
      'finetuning_scaling_factor',
      'NaN at 8',
    ],
  ])('names a number that is not finite: %s[%i] = %d', async (name, at, value, { config, tensors }, ...parts) => {
    const path = write(config, tensors, withValue(name, at, value))
    const loading = readCheckpoint(path).then((checkpoint) => canonicalSae(checkpoint, referenceRowMath))
    await expectFailure(loading, 'TENSOR_NOT_FINITE', join(path, 'sae_weights.safetensors'), ...parts)
  })

  it('leaves thresholds that are not positive or tiny to folding', async () => {
    const { config, tensors } = cases['jumprelu, not subtracted']
    for (const value of [0, -1, 1e-9]) {
      const path = write(config, tensors, withValue('threshold', 2, value))
      const sae = await canonicalSae(await readCheckpoint(path), referenceRowMath)
      expect(sae.threshold?.[2]).toBe(value)
      expect([...foldSae(sae).unfoldable]).toEqual([2])
    }
  })

  it.each([
    [1000, 'Infinity at 2'],
    [Number.NEGATIVE_INFINITY, '-Infinity at 2'],
  ])('refuses a logarithm of a threshold of %d', async (value, part) => {
    const tensors = Object.fromEntries(
      (['W_enc', 'W_dec', 'b_dec', 'b_enc'] as const).map((name) => [
        name,
        { data: stored[name], shape: name === 'W_enc' ? [d, n] : name === 'W_dec' ? [n, d] : [stored[name].length] },
      ]),
    )
    const log_threshold = { data: new Float64Array(n).fill(0).with(2, value), shape: [n] }
    const path = writeSaeLens(
      join(folder, `log-${count++}`),
      { architecture: 'jumprelu' },
      { ...tensors, log_threshold },
    )
    const loading = readCheckpoint(path).then((checkpoint) => canonicalSae(checkpoint, referenceRowMath))
    await expectFailure(loading, 'TENSOR_NOT_FINITE', path, 'exp(log_threshold)', part)
  })
})

describe.skipIf(sharedData === null)(`real data${needsSharedData}`, () => {
  const data = sharedData ?? ''
  it('absorbs the decoder bias of jumprelu-2048/layer_13', async () => {
    const checkpoint = await readCheckpoint(join(data, 'jumprelu-2048/layer_13'))
    const sae = await canonicalSae(checkpoint, referenceRowMath)
    if (checkpoint.activation.kind !== 'jumprelu') throw new Error('not JumpReLU')
    const { values } = checkpoint.activation.bias
    const moved = sae.encoderBias.filter((bias, i) => bias !== values[i])
    expect(checkpoint.subtractsDecoderBias).toBe(true)
    expect(moved.length).toBe(2048)
    expect(sae).toMatchObject({
      layer: 13,
      site: 'residual',
      architecture: 'jumprelu',
      activation: { kind: 'jumprelu' },
    })
  })
})
