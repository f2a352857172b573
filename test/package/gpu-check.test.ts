import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/gpu-check.sh', import.meta.url))
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sae-match-gpu-check-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function writeProgram(file: string, text: string) {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
}

/** Runs the script where `nvidia-smi` does this. */
function run(nvidiaSmi: string, ...args: string[]) {
  writeProgram(path.join(folder, 'nvidia-smi'), nvidiaSmi)
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const { status, stderr } = spawnSync(script, ['--out', path.join(folder, 'out'), ...args], { env, encoding: 'utf8' })
  return { status, stderr }
}

describe.skipIf(process.platform === 'win32')('scripts/gpu-check.sh', () => {
  it('says that there is no GPU, and nothing else', () => {
    const expected = { status: 3, stderr: 'gpu-check: nvidia-smi finds no GPU (NO_DEVICE)\n' }
    expect(run('exit 9')).toEqual(expected)
    expect(run('exit 0')).toEqual(expected)
    const reason = run('echo "NVIDIA-SMI has failed because"; exit 9')
    expect(reason).toEqual({ status: 3, stderr: expected.stderr.replace('\n', ': NVIDIA-SMI has failed because\n') })
  })

  it('wants a GPU that has the instructions', () => {
    expect(run('echo "Tesla T4, 7.5, 580.65, 15360 MiB"')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('ARCH_UNSUPPORTED'),
    })
  })

  it('writes what came of every stage, failed ones too, of the first of several GPUs', () => {
    writeProgram(path.join(folder, 'nvcc'), 'echo "Cuda compilation tools, release 13.0, V13.0.88"')
    writeProgram(path.join(folder, 'out', 'build', 'cuda_source_test'), 'echo a check failed\nexit 1')
    writeProgram(path.join(folder, 'out', 'build', 'gpu_operations'), 'echo "{\\"form_tflops\\": 1}"')
    const smi = 'for g in 1 2 3; do echo "NVIDIA H100, 9.0, 580.65, 81559 MiB"; sleep 0.1; done'
    const { status, stderr } = run(smi, 'tests', 'operations')
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('tests failed with status 1'),
    })
    expect(JSON.parse(readFileSync(path.join(folder, 'out', 'gpu-check.json'), 'utf8'))).toMatchObject({
      gpu: 'NVIDIA H100, 9.0, 580.65, 81559 MiB',
      nvcc: '13.0',
      stages: [
        { stage: 'tests', status: 'failed', result: null },
        { stage: 'operations', status: 'passed', result: { form_tflops: 1 } },
      ],
    })
  })

  it('refuses a stage that it does not have', () => {
    expect(run('exit 9', 'nonsense')).toMatchObject({ status: 2, stderr: expect.stringContaining('got nonsense') })
    expect(run('exit 9', '--out')).toMatchObject({ status: 2, stderr: expect.stringContaining('wants a folder') })
  })
})
