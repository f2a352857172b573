import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import type { Match } from '../../src/matching/result.js'
import { hashFile } from '../../src/output/file-hash.js'
import { inputRecord, type RunOptions } from '../../src/output/pair-files.js'
import { finishRunDirectory, openRunDirectory, writePair } from '../../src/output/run-directory.js'
import { openInput } from '../../src/runs/open-input.js'
import { readPartners } from '../../src/runs/pair-arrays.js'
import { readRun } from '../../src/runs/read-run.js'
import { writeSaeLens } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { mulberry32 } from '../helpers/random.js'
import { normals } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const written = join(folder, 'written')
const run = join(folder, 'run')
const saes = ['a', 'b'].map((name) => join(folder, name))
const options: RunOptions = {
  scale: 'fold',
  weights: { decoder: 1, encoder: 0, bias: 0 },
  unmatchedCost: null,
  unfoldable: 'exclude',
  backend: 'typescript',
  solver: 'auto',
  source: 'auto',
  memoryBudget: 1e9,
  verify: 'full',
  baselines: 'none',
  seeds: [0],
  activationScale: null,
}
let made: Match

beforeAll(async () => {
  const random = mulberry32(5)
  for (const path of saes) {
    const tensors = {
      W_enc: { data: normals(random, 12), shape: [3, 4] },
      W_dec: { data: normals(random, 12), shape: [4, 3] },
      b_enc: { data: normals(random, 4), shape: [4] },
      b_dec: { data: normals(random, 3), shape: [3] },
      threshold: { data: Float64Array.of(1, 2, 3, 4), shape: [4] },
    }
    writeSaeLens(path, { architecture: 'jumprelu', normalize_activations: 'none' }, tensors)
  }
  const [a, b] = await Promise.all(saes.map((path) => loadSae(path)))
  made = await match(a, b, { weights: 'decoder', baselines: 'none', backend: 'typescript' })
  const record = async (name: string, sae: typeof a) =>
    inputRecord(name, sae, await Promise.all(sae.source.files.map(({ path }) => hashFile(path))))
  const directory = openRunDirectory(written, options, '0.0.0')
  const milliseconds = { load: 0, fold: 0, cost: 0, solve: 0, verify: 0, write: 0, total: 0 }
  await writePair(directory, made, { a: await record('a', a), b: await record('b', b) }, () => milliseconds)
  await finishRunDirectory(directory, { tried: [], failed: [] })
})

beforeEach(() => cpSync(written, run, { recursive: true, force: true }))

const pairFile = (ending: string) =>
  join('pairs', readdirSync(join(run, 'pairs')).find((name) => name.endsWith(ending))!)

describe('a run directory', () => {
  it('gives back the matches that were written, and the SAEs from where they lay', async () => {
    const [stored, ...others] = (await readRun(run)).pairs
    expect(others).toEqual([])
    expect(stored.stem).toMatch(/^a--b\.[0-9a-f]{8}$/)
    expect(await readPartners({ pair: stored, inverted: false })).toEqual(made.aToB)
    expect(await readPartners({ pair: stored, inverted: true })).toEqual(made.bToA)
    expect(made.bToA).not.toEqual(made.aToB)
    expect(stored.record).toMatchObject({ ran: { scale: 'fold' }, options })
    const sae = await openInput(stored.record.b, undefined)
    expect(sae.decoderBias).toEqual((await loadSae(saes[1])).decoderBias)
  })

  it('finds an SAE that was named by its file, relative to another folder', async () => {
    const [{ record }] = (await readRun(run)).pairs
    const named = { ...record.a, path: '../somewhere/else/sae_weights.safetensors' }
    expect((await openInput(named, undefined)).decoderBias).toEqual((await loadSae(saes[0])).decoderBias)
  })

  it('refuses an SAE that has changed', async () => {
    const [{ record }] = (await readRun(run)).pairs
    const [config, ...rest] = record.a.files
    const files = [{ ...config, sha256: 'f'.repeat(64) }, ...rest]
    await expectFailure(openInput({ ...record.a, files }, undefined), 'INPUT_CHANGED', config.path, config.sha256)
  })

  it('refuses arrays that its .json does not speak of', async () => {
    const [pair] = (await readRun(run)).pairs
    const npz = join(run, pairFile('.npz'))
    const bytes = readFileSync(npz)
    bytes[200] ^= 1
    writeFileSync(npz, bytes)
    await expectFailure(readPartners({ pair, inverted: false }), 'FORMAT_INVALID', npz, 'is damaged')
  })
})
