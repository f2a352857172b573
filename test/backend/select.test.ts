import { describe, expect, it } from 'vitest'
import type { BackendName } from '../../src/backend/backend.js'
import type { BackendRequest, Environment } from '../../src/backend/environment.js'
import { getBackend, type Probe, probeBackend, selectBackend } from '../../src/backend/select.js'
import { expectFailure } from '../helpers/errors.js'

const works: Probe = { failure: null }
const missing: Probe = { failure: { code: 'ADDON_NOT_FOUND', message: 'no addon', hint: 'build it' }, demanded: false }
const broken: Probe = { failure: { code: 'DLOPEN_FAILED', message: 'broken addon', hint: 'mend it' }, demanded: true }
const noCuda: Probe = {
  failure: { code: 'NO_DRIVER', message: 'no CUDA', hint: 'use native' },
  demanded: false,
}
const probes: Record<string, Probe> = { works, missing, broken, absent: noCuda }

// request, SAE_MATCH_BACKEND, native, cuda, expected backend or error code, reasons. `*` stands for every value.
const table = `
  auto        auto        works    absent   native               cuda:NO_DRIVER
  auto        auto        works    works    cuda                 -
  auto        auto        missing  absent   typescript           cuda:NO_DRIVER,native:ADDON_NOT_FOUND
  auto        auto        missing  works    cuda                 -
  auto        auto        broken   absent   DLOPEN_FAILED        -
  auto        auto        broken   works    cuda                 -
  auto        typescript  *        *        typescript           cuda:DISABLED_BY_ENV,native:DISABLED_BY_ENV
  auto        native      works    *        native               cuda:DISABLED_BY_ENV,typescript:DISABLED_BY_ENV
  auto        native      missing  *        ADDON_NOT_FOUND      -
  auto        native      broken   *        DLOPEN_FAILED        -
  auto        cuda        *        absent   NO_DRIVER            -
  auto        cuda        *        works    cuda                 native:DISABLED_BY_ENV,typescript:DISABLED_BY_ENV
  typescript  *           *        *        typescript           -
  native      *           works    *        native               -
  native      *           missing  *        ADDON_NOT_FOUND      -
  native      *           broken   *        DLOPEN_FAILED        -
  cuda        *           *        absent   NO_DRIVER            -
  cuda        *           *        works    cuda                 -
`

const values = [
  ['auto', 'typescript', 'native', 'cuda'],
  ['auto', 'typescript', 'native', 'cuda'],
  ['works', 'missing', 'broken'],
  ['absent', 'works'],
]

/** All the cells a row of the table stands for. */
function expand(row: string[]): string[][] {
  const star = row.indexOf('*')
  return star < 0 ? [row] : values[star].flatMap((value) => expand(row.with(star, value)))
}

const cases = table
  .trim()
  .split('\n')
  .flatMap((line) => expand(line.trim().split(/\s+/)))

describe('selectBackend', () => {
  it('is tested for every combination once', () => {
    const keys = new Set(cases.map((row) => row.slice(0, 4).join(' ')))
    expect(keys.size).toBe(cases.length)
    expect(keys.size).toBe(values.reduce((product, { length }) => product * length, 1))
  })

  it.each(cases)('request %s, SAE_MATCH_BACKEND %s, native %s, cuda %s: %s', (...row) => {
    const [request, variable, native, cuda, expected, reasons] = row
    const environment: Environment = {
      backend: variable as BackendRequest,
      simd: 'auto',
      threads: null,
      addon: null,
      cudaLibrary: null,
    }
    const asked: string[] = []
    const probe = (backend: BackendName) => {
      asked.push(backend)
      return { native: probes[native], cuda: probes[cuda], typescript: works }[backend]
    }
    const select = () => selectBackend(request as BackendRequest, environment, probe)
    if (expected === expected.toUpperCase()) {
      expect(select).toThrow(expect.objectContaining({ code: expected, hint: expect.stringMatching(/./) }))
    } else {
      const selection = select()
      expect(selection.backend).toBe(expected)
      expect(selection.requested).toBe(request === 'auto' ? variable : request)
      expect(selection.reasons.map(({ backend, code }) => `${backend}:${code}`).join(',') || '-').toBe(reasons)
    }
    expect(new Set(asked).size, 'no backend is asked twice').toBe(asked.length)
  })

  it('does not load the addon for the TypeScript backend', () => {
    const environment: Environment = { backend: 'auto', simd: 'auto', threads: null, addon: null, cudaLibrary: null }
    const probe = (backend: BackendName) => {
      expect(backend).toBe('typescript')
      return works
    }
    expect(selectBackend('typescript', environment, probe).backend).toBe('typescript')
  })

  it('refuses an unknown name', () => {
    const environment: Environment = { backend: 'auto', simd: 'auto', threads: null, addon: null, cudaLibrary: null }
    expect(() => selectBackend('gpu' as BackendRequest, environment, () => works)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"gpu"') }),
    )
  })
})

describe('getBackend', () => {
  it('gives the same object every time, with the name that was asked for', async () => {
    const backend = await getBackend('typescript')
    expect(backend.name).toBe('typescript')
    expect(backend.simd).toBeNull()
    expect(await getBackend('typescript')).toBe(backend)
  })

  it.skipIf(probeBackend('native').failure)('gives the native backend and what runs it', async () => {
    const backend = await getBackend('native')
    expect(backend.name).toBe('native')
    expect(backend.simd).toMatch(/^(portable|avx2|avx512|amx|neon)$/)
    expect(backend.threads).toBeGreaterThanOrEqual(1)
    expect(await getBackend('native')).toBe(backend)
  })

  it('rejects a backend that cannot be had, with its reason', async () => {
    const { failure } = probeBackend('cuda')
    if (failure !== null) await expectFailure(getBackend('cuda'), failure.code, failure.message)
  })
})
