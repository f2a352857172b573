// A GPU that fails in the middle of jobs, in processes of their own: kernels run on the CPU and fail as planned.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddon } from '../../src/backend/load.js'
import { cudaOnCpu } from '../helpers/backends.js'
import { writeLayer } from '../helpers/layers.js'
import { finished, nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const saes = join(folder, 'saes')
for (const layer of [1, 2, 3]) writeLayer(join(saes, `layer_${layer}`), { layer, features: 10 + layer })

let runs = 0
async function run(request: string, plan: string, atFirst = '') {
  const script = new URL('./run-on-failing-gpu.ts', import.meta.url)
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SAE_MATCH_'))
  const env = {
    ...Object.fromEntries(inherited),
    SAE_MATCH_CUDA_LIB: cudaOnCpu as string,
    SAE_MATCH_CUDA_ON_CPU: atFirst,
  }
  const args = nodeArguments(script, [request, saes, join(folder, `run-${runs++}`), plan])
  const { stdout, stderr, code } = await finished(spawn(process.execPath, args, { env }))
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

const plans = [
  ['OUT_OF_MEMORY', 'memory=1000'],
  ['DEVICE_FAILED', 'fail=cudaEventSynchronize:1:1'],
  ['DEVICE_LOST', 'fail=cudaLaunchKernel:700:1'],
] as const

describe.skipIf(loadAddon().addon === null || cudaOnCpu === null)('a GPU that fails in the middle of jobs', () => {
  it.each(plans)(
    '%s: auto does them again on the CPU, says so, and records what ran',
    { timeout: 120_000 },
    async (...plan) => {
      const [code, text] = plan
      const lost = code === 'DEVICE_LOST'
      const found = await run('auto', text)
      expect(found).toMatchObject({
        before: 'cuda',
        solve: ['native', true, true],
        sync: 'native',
        match: 'native',
        nearest: 'native',
        // the GPU is asked again unless it is lost, and what was done again is done
        later: lost ? 'native' : 'cuda',
        again: { reused: [true, true, true], failed: [] },
        after: { active: lost ? 'native' : 'cuda', reasons: [['cuda', code, true]] },
      })
      expect(found.pairs.failed).toEqual([])
      expect(found.pairs.ran).toHaveLength(3)
      expect(found.pairs.ran).toContain('native')
      expect(found.pairs.recorded, 'the options that name the files').toEqual(found.pairs.ran)
      expect(found.warnings).toEqual([
        expect.stringMatching(`^${code}: A job that failed on the GPU is done again on the CPU`),
      ])
    },
  )

  it('says so beside a GPU that is passed over', { timeout: 120_000 }, async () => {
    const found = await run('auto', 'fail=cudaEventSynchronize:1:1', 'devices=2 memory=17179869184,1000')
    expect(found.warnings).toEqual([
      expect.stringMatching('^OUT_OF_MEMORY: GPU 1 is not used: '),
      expect.stringMatching('^DEVICE_FAILED: A job that failed on the GPU is done again on the CPU'),
    ])
  })

  it.each(plans)('%s: with backend cuda they fail', { timeout: 120_000 }, async (code, text) => {
    const found = await run('cuda', text)
    expect(found).toMatchObject({ before: 'cuda', solve: code, sync: code, match: code, nearest: code, warnings: [] })
    // a lost GPU is lost for all pairs: the run ends
    if (code === 'DEVICE_LOST') expect(found.pairs).toBe(code)
    else expect(found.pairs.failed).toContain(code)
    expect(found.after).toEqual({ active: 'cuda', reasons: [] })
    expect(found.later).toBe(code === 'DEVICE_LOST' ? code : 'cuda')
  })
})
