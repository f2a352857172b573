import type { NativeBuild } from './addon-types.js'
import type { BackendName } from './backend.js'
import { type CudaInfo, loadCuda } from './cuda.js'
import { type BackendRequest, backendNames, environmentReport, readEnvironment } from './environment.js'
import { loadAddon, type Unavailable } from './load.js'
import { version } from './manifest.js'
import { failuresInJobs, getBackendSync, probeBackend, type Reason, selectBackend } from './select.js'

/** What would serve a request here, and why nothing better. */
export interface BackendInfo {
  /** Of the package. */
  readonly version: string
  /** The option, or what SAE_MATCH_BACKEND makes of `auto`. */
  readonly requested: BackendRequest
  readonly active: BackendName
  /** The instruction set that really runs; null for the TypeScript backend. */
  readonly simd: string | null
  /** The instruction sets that SAE_MATCH_SIMD can force here; empty for the TypeScript backend. */
  readonly supportedSimd: readonly string[]
  readonly threads: number
  /** The file of the addon in use; null for the TypeScript backend. */
  readonly addonPath: string | null
  /** How that addon was built. */
  readonly build: NativeBuild | null
  /** The CUDA library and its GPUs; null for another backend. */
  readonly cuda: CudaInfo | null
  /** The SAE_MATCH_* variables that are set. */
  readonly env: Readonly<Record<string, string>>
  /** Every backend that was passed over, and every kind of failure after which `auto` did a job again on another one. */
  readonly reasons: readonly Reason[]
}

/** Whether one backend works on this machine. */
export type Availability =
  | { readonly available: true; readonly reason: null }
  | ({ readonly available: false } & { readonly reason: Unavailable })

/** @throws what a call with this `backend` would throw. */
export function backendInfo(request: BackendRequest = 'auto'): BackendInfo {
  const { requested, reasons } = selectBackend(request, readEnvironment(process.env), probeBackend)
  const backend = getBackendSync(request)
  const { addon, path } = backend.name === 'typescript' ? { addon: null, path: null } : loadAddon()
  return {
    version,
    requested,
    active: backend.name,
    simd: backend.simd,
    supportedSimd: addon?.supportedSimd() ?? [],
    threads: backend.threads,
    addonPath: path,
    build: addon?.build ?? null,
    cuda: backend.name === 'cuda' ? loadCuda().info : null,
    env: environmentReport(process.env),
    reasons: requested === 'auto' ? [...reasons, ...failuresInJobs()] : reasons,
  }
}

/** For every backend whether it works on this machine, whatever SAE_MATCH_BACKEND says. */
export function backendAvailability(): Record<BackendName, Availability> {
  const entries = backendNames.map((name) => {
    const { failure } = probeBackend(name)
    return [name, failure === null ? { available: true, reason: null } : { available: false, reason: failure }]
  })
  return Object.fromEntries(entries) as Record<BackendName, Availability>
}
