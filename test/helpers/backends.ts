import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Backend } from '../../src/backend/backend.js'
import { loadAddon } from '../../src/backend/load.js'
import { createNativeBackend, setSimd, supportedSimd } from '../../src/backend/native.js'
import { getBackendSync } from '../../src/backend/select.js'
import { availableBackends } from './available-backends.js'

/** One suite for every backend that works here, and for every instruction set of the native one. */
export function describeBackends(title: string, suite: (backend: () => Backend) => void): void {
  for (const name of availableBackends) {
    for (const simd of name === 'native' ? supportedSimd() : [null]) {
      describe(`${title} [${simd === null ? name : `${name} ${simd}`}]`, () => {
        beforeAll(() => {
          if (simd === null) return
          setSimd(simd)
          if (getBackendSync(name).simd !== simd) throw new Error(`${simd} was asked for and does not run`)
        })
        afterAll(() => {
          if (simd !== null) setSimd('auto')
        })
        suite(() => getBackendSync(name))
      })
    }
  }
}

/** The CUDA library whose kernels run on the CPU, slowly, which the C++ tests build; null where they were not built. */
export const cudaOnCpu: string | null = (() => {
  const file = fileURLToPath(
    new URL('../../build-cmake/Release/native/test/libsae_match_cuda_on_cpu.so', import.meta.url),
  )
  return existsSync(file) ? file : null
})()

/**
 * The same, and over the kernels of the CUDA library on the CPU where no GPU is here: for suites over feature rows.
 * @param suite `slow` where it is better asked for little
 */
export function describeBackendsOverRows(title: string, suite: (backend: () => Backend, slow: boolean) => void): void {
  describeBackends(title, (backend) => suite(backend, false))
  const { addon } = loadAddon()
  if (availableBackends.includes('cuda') || addon === null || cudaOnCpu === null) return
  const backend = createNativeBackend(addon, cudaOnCpu)
  describe(`${title} [cuda, kernels on the CPU]`, () => suite(() => backend, true))
}
