import type { BackendName, Solution } from '../backend/backend.js'

/** An assignment with its proof: what {@link solveAssignment} returns. Prices and arrays are the caller's to keep. */
export interface Assignment extends Solution {
  /** The engine that ran. */
  readonly backend: BackendName
  /** The instruction set that ran; null for the TypeScript backend. */
  readonly simd: string | null
}
