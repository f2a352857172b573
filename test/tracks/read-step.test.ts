import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.js'
import { match } from '../../src/matching/match.js'
import { sha256 } from '../../src/output/file-hash.js'
import { encodeNpz, type NpzEntries } from '../../src/output/npz.js'
import { findInput, findStep, type RunStep } from '../../src/runs/choose.js'
import { readRun } from '../../src/runs/read-run.js'
import { readStep } from '../../src/tracks/read-step.js'
import { invertStep, stepOf } from '../../src/tracks/step.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { unrelatedLayers, writeRun } from '../runs/run-files.js'

const folder = temporaryFolder()
const [a, b] = unrelatedLayers(61, [12, 17], [1, 2])
const path = join(folder, 'run')

async function step(from: string, to: string): Promise<RunStep> {
  const run = await readRun(path)
  return findStep(run, findInput(run, from), findInput(run, to))
}

beforeEach(() => {
  rmSync(path, { recursive: true, force: true })
  return writeRun(path, [[a, b]])
})

describe('readStep', () => {
  it('reads what the match found', async () => {
    const made = stepOf(await match(a.sae, b.sae, { backend: 'typescript' }))
    const read = await readStep(await step('1', '2'))
    expect([...read.aToB]).toEqual([...made.aToB])
    expect(read.columns).toBe(17)
    expect([...read.cost]).toEqual([...Float32Array.from(made.cost)])
    expect([...read.cosine]).toEqual([...Float32Array.from(made.cosine)])
    expect(read.mutual).toEqual(made.mutual)
  })

  it('inverts a pair that is there in the other direction', async () => {
    const read = await readStep(await step('2', '1'))
    expect(read).toEqual(invertStep(await readStep(await step('1', '2'))))
    expect(read.aToB.filter((i) => i === -1)).toHaveLength(5)
  })

  it('does not know who is nearest where the match did not look', async () => {
    rmSync(path, { recursive: true })
    await writeRun(path, [[a, b]], { verify: 'shortlist', baselines: 'none' })
    expect((await readStep(await step('1', '2'))).mutual).toBeNull()
  })

  it('refuses a damaged or cut file', async () => {
    const found = await step('1', '2')
    const whole = readFileSync(found.pair.file)
    const damaged = Buffer.from(whole)
    damaged[whole.length >> 1] ^= 1
    for (const contents of [damaged, whole.subarray(0, -100), Buffer.alloc(0)]) {
      writeFileSync(found.pair.file, contents)
      await expectFailure(readStep(found), 'FORMAT_INVALID', `${found.pair.file} is damaged`, found.pair.sha256)
    }
    rmSync(found.pair.file)
    await expectFailure(readStep(found), 'FILE_NOT_FOUND', found.pair.file)
  })

  const good = (): Record<string, NpzEntries[string]> => ({
    a_to_b: Int32Array.from({ length: 12 }, (_, i) => i),
    b_to_a: Int32Array.from({ length: 17 }, (_, j) => (j < 12 ? j : -1)),
    rank_ab: new Int32Array(12),
    rank_ba: new Int32Array(17),
    cost: new Float32Array(12),
    cosine_decoder: new Float32Array(12),
  })
  /** Replaces the arrays of the pair, with a record that vouches for them. */
  async function forged(arrays: Record<string, NpzEntries[string] | undefined>): Promise<RunStep> {
    const found = await step('1', '2')
    const kept = Object.entries({ ...good(), ...arrays }).filter(([, array]) => array !== undefined)
    const npz = encodeNpz(Object.fromEntries(kept) as NpzEntries)
    writeFileSync(found.pair.file, npz)
    return { ...found, pair: { ...found.pair, sha256: sha256(npz) } }
  }

  it('reads arrays that fit together', async () => {
    expect((await readStep(await forged({}))).aToB[3]).toBe(3)
  })

  it.each<[string, Record<string, NpzEntries[string] | undefined>, ErrorCode, string]>([
    ['no costs', { cost: undefined }, 'TENSOR_MISSING', 'cost'],
    ['costs of another type', { cost: new Float64Array(12) }, 'TENSOR_DTYPE', 'expected cost as f32, found f64'],
    ['too few costs', { cost: new Float32Array(11) }, 'TENSOR_SHAPE', 'expected cost of 12 elements'],
    ['a matrix', { rank_ba: { data: new Int32Array(17), shape: [17, 1] } }, 'TENSOR_SHAPE', 'shape (17, 1)'],
    ['an index too large', { a_to_b: Int32Array.from({ length: 12 }, (_, i) => i + 6) }, 'FORMAT_INVALID', 'a_to_b'],
    ['a feature matched twice', { a_to_b: new Int32Array(12) }, 'FORMAT_INVALID', 'an index of its own'],
    ['another inverse', { b_to_a: new Int32Array(17).fill(-1) }, 'FORMAT_INVALID', 'expected b_to_a[0] = 0'],
  ])('refuses %s', async (_name, arrays, code, part) => {
    await expectFailure(readStep(await forged(arrays)), code, path, part)
  })

  it('stops when it is told to', async () => {
    await expect(readStep(await step('1', '2'), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})
