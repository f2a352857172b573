import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadAddon } from '../../src/backend/load.js'
import { cudaOnCpu } from '../helpers/backends.js'
import { writeLayer } from '../helpers/layers.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const saes = join(folder, 'saes')
const layers = [1, 2, 3, 4]

/** A run over all pairs on GPUs that are none: their kernels run on the CPU. */
async function run(name: string, plan: string, ...args: string[]) {
  const out = join(folder, name)
  const command = ['pairs', saes, '--all', '--backend', 'cuda', '--json', '--out', out, ...args]
  const env = { SAE_MATCH_CUDA_LIB: cudaOnCpu as string, SAE_MATCH_CUDA_ON_CPU: plan }
  const { code, stdout, stderr } = await runCommandLine(command, env)
  expect(code, stderr).toBe(0)
  const names = readdirSync(join(out, 'pairs')).sort()
  const records = names.filter((file) => file.endsWith('.json'))
  const arrays = names.filter((file) => file.endsWith('.npz'))
  return {
    pairs: JSON.parse(stdout).pairs as { backend: string; certificate: { optimal: boolean } }[],
    sources: records.map((file) => JSON.parse(readFileSync(join(out, 'pairs', file), 'utf8')).ran.source),
    arrays: arrays.map((file) => [file, readFileSync(join(out, 'pairs', file)).toString('base64')]),
  }
}

describe.skipIf(loadAddon().addon === null || cudaOnCpu === null)('matchPairs over several GPUs', () => {
  beforeAll(() => {
    for (const layer of layers) writeLayer(join(saes, `layer_${layer}`), { layer, features: 120, dimension: 16 })
  })

  it('gives the files of one, also where pairs have to wait for room', { timeout: 120_000 }, async () => {
    const one = await run('one', '', '--in-flight', '1')
    expect(one.pairs).toHaveLength(6)
    for (const pair of one.pairs) expect(pair).toMatchObject({ backend: 'cuda', certificate: { optimal: true } })
    expect(new Set(one.sources)).toEqual(new Set(['dense']))
    // a pair takes some 290,000 bytes, the self-test more
    for (const memory of ['2000000', '520000,900000,520000']) {
      const three = await run(`three-${memory}`, `devices=3 memory=${memory}`, '--in-flight', '6', '--threads', '4')
      expect(three.arrays).toEqual(one.arrays)
      expect(three.sources).toEqual(one.sources)
    }
  })
})
