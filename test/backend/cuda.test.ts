import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCudaFrom } from '../../src/backend/cuda.js'
import { loadAddon } from '../../src/backend/load.js'
import { version } from '../../src/backend/manifest.js'
import { cudaOnCpu } from '../helpers/backends.js'
import { runCommandLine } from '../helpers/run-typescript.js'

const load = loadAddon()
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sae-match-cuda-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('loadCudaFrom', () => {
  it('has the reason of the addon where there is none', () => {
    const failure = { code: 'ADDON_NOT_FOUND', message: 'no addon', hint: 'build it' } as const
    const found = loadCudaFrom(null, { addon: null, path: null, failure, demanded: false })
    expect(found).toEqual({ info: null, failure, demanded: false })
  })

  it.skipIf(load.addon === null)('looks beside the addon and nowhere else', () => {
    const addon = path.join(folder, 'sae_match.node')
    const found = loadCudaFrom(null, { ...load, path: addon } as typeof load)
    expect(found).toMatchObject({
      demanded: false,
      failure: {
        code: 'BACKEND_LIB_NOT_FOUND',
        message: expect.stringContaining(path.join(folder, 'libsae_match_cuda.so')),
      },
    })
  })

  it.skipIf(load.addon === null)('takes a library that was demanded, or says why not', () => {
    const file = path.join(folder, 'broken.so')
    writeFileSync(file, 'no library')
    const found = loadCudaFrom(file, load)
    expect(found).toMatchObject({
      demanded: true,
      failure: { code: 'DLOPEN_FAILED', hint: expect.stringMatching(/\w/) },
    })
    expect(found.failure?.message).toContain(file)
  })
})

describe.skipIf(load.addon === null || cudaOnCpu === null)('a library whose kernels run on the CPU', () => {
  const doctor = (plan: string, library = cudaOnCpu as string, ...args: string[]) =>
    runCommandLine(['doctor', '--json', ...args], { SAE_MATCH_CUDA_LIB: library, SAE_MATCH_CUDA_ON_CPU: plan })

  it('is described by doctor after its self-test', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await doctor('', cudaOnCpu as string, '--backend', 'cuda')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout).backends.cuda).toMatchObject({
      available: true,
      reason: null,
      cuda: {
        libraryPath: cudaOnCpu,
        driverVersion: 13000,
        devices: [{ name: 'CPU in place of GPU 0', computeCapability: '8.0', multiprocessors: 1 }],
      },
    })
  })

  it('does without a GPU that fails, and says so', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await doctor('devices=2 memory=100000000,1000', cudaOnCpu as string)
    expect(code).toBe(0)
    const { available, cuda } = JSON.parse(stdout).backends.cuda
    expect(available).toBe(true)
    expect(cuda.devices).toMatchObject([{ failure: null }, { failure: { code: 'OUT_OF_MEMORY' } }])
    expect(stderr).toContain('GPU 1 is not used')
  })

  it.each([
    ['no_driver', 'NO_DRIVER'],
    ['old_driver', 'DRIVER_TOO_OLD'],
    ['no_device', 'NO_DEVICE'],
    ['no_kernels', 'ARCH_UNSUPPORTED'],
    ['memory=1000', 'OUT_OF_MEMORY'],
    ['fail=cudaLaunchKernel:700:1', 'DEVICE_LOST'],
    ['fail=cudaMemcpyAsync:1:1', 'DEVICE_FAILED'],
    ['wrong', 'SELF_TEST_FAILED'],
    ['crash', 'SELF_TEST_FAILED'],
  ])('with the plan %s is %s', { timeout: 120_000 }, async (plan, reason) => {
    const { code, stdout, stderr } = await doctor(plan, cudaOnCpu as string, '--backend', 'cuda')
    const report = JSON.parse(stdout).backends.cuda
    expect(report).toMatchObject({ available: false, reason, hint: expect.stringMatching(/\w/) })
    if (plan === 'crash') expect(report.message).toContain('SIGABRT')
    expect(code).toBe(1)
    expect(stderr).toContain(`(${reason})`)
  })

  it('is used beside a copy of the addon without being named', { timeout: 120_000 }, async () => {
    const addon = path.join(folder, 'beside', 'sae_match.node')
    mkdirSync(path.dirname(addon))
    copyFileSync(load.path as string, addon)
    copyFileSync(cudaOnCpu as string, path.join(folder, 'beside', 'libsae_match_cuda.so'))
    const { code, stdout } = await runCommandLine(['doctor', '--json', '--backend', 'cuda'], { SAE_MATCH_ADDON: addon })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ version, backends: { cuda: { available: true } } })
  })
})
