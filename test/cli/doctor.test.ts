import { describe, expect, it } from 'vitest'
import { availableBackends } from '../helpers/available-backends.js'
import { runCommandLine } from '../helpers/run-typescript.js'

const native = availableBackends.includes('native')

describe('doctor', () => {
  const withoutGpus = { CUDA_VISIBLE_DEVICES: '' }

  it('prints exactly the JSON of the contract', async () => {
    const { code, stdout, stderr } = await runCommandLine(['doctor', '--json'], withoutGpus)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const found = JSON.parse(stdout)
    expect(Object.keys(found)).toEqual(['version', 'backends'])
    expect(Object.keys(found.backends).sort()).toEqual(['cuda', 'native', 'typescript'])
    expect(found.backends.typescript).toMatchObject({ available: true, reason: null, hint: null, simd: null })
    expect(found.backends.native.available).toBe(native)
    expect(found.backends.cuda).toMatchObject({
      available: false,
      reason: expect.stringMatching(native ? /^(BACKEND_LIB_NOT_FOUND|NO_DRIVER|NO_DEVICE)$/ : /^ADDON_NOT_FOUND$/),
      hint: expect.any(String),
    })
  })

  it('prints its object where the environment is wrong, with what is wrong in it', async () => {
    const { code, stdout, stderr } = await runCommandLine(['doctor', '--json'], { SAE_MATCH_THREADS: '0' })
    expect(code).toBe(1)
    expect(stderr).toContain('(INVALID_ENVIRONMENT)')
    expect(JSON.parse(stdout).backends.typescript).toMatchObject({
      available: false,
      reason: 'INVALID_ENVIRONMENT',
      message: expect.stringContaining('SAE_MATCH_THREADS'),
    })
  })

  it('shows every backend, and what to do about those that do not work', async () => {
    const { stdout } = await runCommandLine(['doctor'], { SAE_MATCH_ADDON: '/nowhere/addon.node' })
    expect(stdout).toMatch(/✗ native {2}DLOPEN_FAILED\n/)
    expect(stdout).toMatch(/✓ typescript /)
    expect(stdout).toMatch(/→ /)
    expect(stdout).toContain('SAE_MATCH_ADDON=/nowhere/addon.node')
  })

  it('fails where the backend that is demanded does not work', async () => {
    expect((await runCommandLine(['doctor', '--backend', 'typescript'])).code).toBe(0)
    const { code, stdout, stderr } = await runCommandLine(['doctor', '--backend', 'cuda', '--json'], {
      SAE_MATCH_ADDON: '/nowhere/addon.node',
    })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toHaveProperty('backends.cuda.available', false)
    expect(stderr).toContain('(DLOPEN_FAILED)')
  })
})
