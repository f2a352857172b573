import { afterAll, beforeAll, describe } from 'vitest'
import type { Backend } from '../../src/backend/backend.js'
import { setSimd, supportedSimd } from '../../src/backend/native.js'
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
