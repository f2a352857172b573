import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { version } from '../../src/backend/manifest.js'
import { probeBackend } from '../../src/backend/select.js'
import { finished, nodeArguments } from '../helpers/run-typescript.js'

const script = new URL('./print-info.ts', import.meta.url)
/** Without a library, or with one and no GPU to be seen. */
const noGpu = /^(BACKEND_LIB_NOT_FOUND|NO_DRIVER|NO_DEVICE)$/
const hasAddon = probeBackend('native').failure === null

/** What a fresh process with these variables says: either backendInfo() or the error. */
async function infoWith(variables: Record<string, string>, request = 'auto') {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SAE_MATCH_'))
  const env = { ...Object.fromEntries(inherited), ...variables }
  const { stdout, stderr, code } = await finished(spawn(process.execPath, nodeArguments(script, [request]), { env }))
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

describe('backendInfo', () => {
  it('describes the TypeScript backend when the environment asks for it', async () => {
    const { info, availability } = await infoWith({ SAE_MATCH_BACKEND: 'typescript', SAE_MATCH_THREADS: '3' })
    expect(info).toMatchObject({
      version,
      requested: 'typescript',
      active: 'typescript',
      simd: null,
      supportedSimd: [],
      addonPath: null,
      build: null,
      env: { SAE_MATCH_BACKEND: 'typescript', SAE_MATCH_THREADS: '3' },
    })
    expect(info.reasons.map(({ backend, code }: { backend: string; code: string }) => [backend, code])).toEqual([
      ['cuda', 'DISABLED_BY_ENV'],
      ['native', 'DISABLED_BY_ENV'],
    ])
    expect(availability.typescript).toEqual({ available: true, reason: null })
  })

  it.skipIf(!hasAddon)('describes the addon', async () => {
    const variables = { SAE_MATCH_SIMD: 'portable', SAE_MATCH_THREADS: '2', CUDA_VISIBLE_DEVICES: '' }
    const { info, availability } = await infoWith(variables)
    expect(info).toMatchObject({ cuda: null, requested: 'auto', active: 'native', simd: 'portable', threads: 2 })
    expect(info.supportedSimd.at(-1)).toBe('portable')
    expect(info.addonPath).toMatch(/\.node$/)
    expect(info.build).toMatchObject({
      compiler: expect.stringMatching(/\d/),
      summary: expect.stringContaining('portable'),
    })
    expect(info.reasons).toMatchObject([
      { backend: 'cuda', code: expect.stringMatching(noGpu), hint: expect.stringMatching(/\w/) },
    ])
    expect(availability.native).toEqual({ available: true, reason: null })
  })

  it('never replaces an addon that was demanded', async () => {
    const addon = fileURLToPath(import.meta.url)
    expect(await infoWith({ SAE_MATCH_ADDON: addon })).toMatchObject({ error: { code: 'DLOPEN_FAILED' } })
    expect(await infoWith({ SAE_MATCH_ADDON: addon }, 'typescript')).toMatchObject({ info: { active: 'typescript' } })
  })

  it.skipIf(!hasAddon)('makes an instruction set that is not there an error', async () => {
    const absent = process.arch === 'arm64' ? 'avx2' : 'neon'
    const { error } = await infoWith({ SAE_MATCH_SIMD: absent })
    expect(error).toMatchObject({ code: 'SIMD_UNSUPPORTED', message: expect.stringContaining(absent) })
  })

  it('refuses a wrong switch', async () => {
    expect(await infoWith({ SAE_MATCH_BACKEND: 'gpu' })).toMatchObject({ error: { code: 'INVALID_ENVIRONMENT' } })
  })
})
