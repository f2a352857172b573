import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/evaluation/encode.js'
import { normaliseTokens } from '../../../src/evaluation/token-norm.js'
import { readHeader } from '../../../src/formats/detect.js'
import { openSafetensors } from '../../../src/formats/safetensors.js'
import { type LoadOptions, loadSae } from '../../../src/matching/load.js'
import type { Sae } from '../../../src/sae/sae.js'
import { type Matrix, rowMajor } from '../../../src/tensor/matrix.js'
import { readRow } from '../../../src/tensor/row.js'
import { toFloat64 } from '../../../src/tensor/tensor.js'
import { forward, scaledRows } from '../../helpers/forward.js'

interface Case {
  readonly name: string
  /** That of the case, where several share one. */
  readonly folder?: string
  /** Below it, a path or the layer of a crosscoder. */
  readonly at: string
  readonly options: LoadOptions
  readonly expected: Readonly<Record<string, unknown>>
  readonly sha256: { readonly encoder: string; readonly decoder: string }
  /** Whether the library ran it. */
  readonly runs: boolean
}

const here = fileURLToPath(new URL('.', import.meta.url))
/** What the library computes in f32. */
const tolerance = 1e-5

/** The hash that recording.py takes: numbers widened to f64, a feature a row. */
function hashOf(matrix: Matrix): string {
  const hash = createHash('sha256')
  for (const row of scaledRows(matrix, null)) hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength))
  return hash.digest('hex')
}

async function readExpected(path: string) {
  const container = await openSafetensors(path)
  try {
    const read = async (name: string) => {
      const tensor = await container.read(name)
      return rowMajor(toFloat64(tensor), 'f64', tensor.shape[0], tensor.shape[1])
    }
    return { x: await read('x'), pre: await read('pre'), codes: await read('codes'), output: await read('output') }
  } finally {
    await container.close()
  }
}

/** Which pre-activations are so near to what decides over them that f32 may decide otherwise. */
function nearDecision(sae: Sae, pre: Float64Array, slack: number): (i: number) => boolean {
  if (sae.activation.kind === 'topk') {
    const least = pre.toSorted((a, b) => b - a)[sae.activation.k - 1]
    return (i) => Math.abs(pre[i] - least) <= slack && pre[i] !== least
  }
  return (i) => Math.abs(pre[i] - Math.max(sae.threshold?.[i] ?? 0, 0)) <= slack
}

const largest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

describe.each(readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory()))('$name', (group) => {
  const folder = join(here, group.name)
  const { cases } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { cases: Case[] }

  it.each(cases)('$name', async ({ name, folder: shared, at, options, expected, sha256, runs }) => {
    const own = join(folder, shared ?? name)
    const path = at.startsWith('#') ? own + at : join(own, at)
    const sae = await loadSae(path, options)
    const { family, kind, decoderOnly, ...fields } = expected
    expect(sae).toMatchObject(fields)
    expect(sae.source.family).toBe(family)
    if (kind !== undefined) expect(sae.activation.kind).toBe(kind)
    expect(typeof sae.decoderOnly === 'string').toBe(decoderOnly === true)
    expect({ encoder: hashOf(sae.encoder), decoder: hashOf(sae.decoder) }).toEqual(sha256)

    const header = await readHeader(path, { format: options.format })
    expect(header).toMatchObject({ family, features: sae.encoder.rows, dimension: sae.encoder.columns })
    expect(header.outputDimension ?? header.dimension).toBe(sae.decoder.columns)
    expect(header).toMatchObject({ layer: sae.layer, site: sae.site, hook: sae.hook, model: sae.model })

    if (!runs) return
    const { x: given, pre, codes, output } = await readExpected(join(folder, `${name}.expected.safetensors`))
    const { x, statistics } = normaliseTokens(given, sae.inputNorm)
    const active = await encode(sae, given)
    let compared = 0
    for (let t = 0; t < x.rows; t++) {
      const { preActivations, reconstruction } = forward(sae, readRow(x, t))
      const [hidden, code, written] = [readRow(pre, t), readRow(codes, t), readRow(output, t)]
      const slack = tolerance * largest(hidden)
      hidden.forEach((value, i) => {
        expect(Math.abs(preActivations[i] - value), `pre-activation ${i}`).toBeLessThanOrEqual(slack)
      })

      const own = new Float64Array(codes.columns)
      for (let e = active.indptr[t]; e < active.indptr[t + 1]; e++) own[active.indices[e]] = active.data[e]
      const isNear = nearDecision(sae, preActivations, slack)
      let near = 0
      code.forEach((value, i) => {
        if (isNear(i)) near++
        else expect(Math.abs(own[i] - value), `code ${i}`).toBeLessThanOrEqual(slack)
        if (value > 0) compared++
      })
      if (near > 0) continue
      const [mean, deviation] = [statistics?.mean[t] ?? 0, statistics?.deviation[t] ?? 1]
      const scale = sae.site === 'transcoder' ? reconstruction : reconstruction.map((v) => v * deviation + mean)
      scale.forEach((value, i) => {
        expect(Math.abs(value - written[i]), `output ${i}`).toBeLessThanOrEqual(2 * tolerance * largest(written))
      })
    }
    expect(compared, 'some features are active').toBeGreaterThan(x.rows)
    expect(compared, 'others are not').toBeLessThan(x.rows * codes.columns)
  })
})
