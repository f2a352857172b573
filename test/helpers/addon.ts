import { describe } from 'vitest'
import type { Addon } from '../../src/backend/addon-types.js'
import type { Backend, Problem } from '../../src/backend/backend.js'
import { loadAddon } from '../../src/backend/load.js'
import { createNativeBackend } from '../../src/backend/native.js'

const loaded = loadAddon()
if (loaded.failure !== null && (loaded.demanded || (process.env.REQUIRE_BACKEND ?? 'typescript') !== 'typescript')) {
  throw new Error(`The native backend is required, but: ${loaded.failure.message}`)
}

/** Skips where the addon was not built, unless `REQUIRE_BACKEND` asks for it. */
export const describeWithAddon: ReturnType<typeof describe.skipIf> = describe.skipIf(loaded.failure !== null)

// Only for use inside describeWithAddon.
export const addon = loaded.addon as Addon
export const addonPath = loaded.path as string
export const native = (): Backend => createNativeBackend(addon)

/** A problem over a caller's matrix. */
export function matrixProblem(
  data: Float32Array | Float64Array,
  rows: number,
  columns: number,
  options: Partial<Problem> = {},
): Problem {
  return {
    costs: { kind: 'matrix', data, rows, columns, rowStride: columns },
    maximize: false,
    unmatchedCost: Number.POSITIVE_INFINITY,
    solver: 'shortlist',
    neighbours: false,
    verify: 'full',
    ...options,
  }
}

/**
 * The matrix of Machol and Wien, c_ij = (i + 1)(j + 1), on which `jv` takes n^3 steps: seconds from n = 2,000 on.
 * The optimum is the anti-diagonal.
 */
export function slowCosts(n: number, buffer: ArrayBufferLike = new ArrayBuffer(n * n * 8)): Float64Array {
  const costs = new Float64Array(buffer)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) costs[i * n + j] = (i + 1) * (j + 1)
  return costs
}
