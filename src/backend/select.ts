import { type ErrorCode, SaeMatchError, wrongValue } from '../errors.js'
import type { Backend, BackendName } from './backend.js'
import { describeGpuFailure, failuresOfPresentGpus, loadCuda } from './cuda.js'
import { type BackendRequest, backendNames, type Environment, readEnvironment } from './environment.js'
import { withFallback } from './fallback.js'
import { loadAddon, type Unavailable } from './load.js'
import { createNativeBackend, forceSimd } from './native.js'
import { availableCores } from './threads.js'
import { createTypescriptBackend } from './typescript/index.js'

export type { BackendRequest } from './environment.js'

/** Why a backend was passed over. */
export interface Reason extends Unavailable {
  readonly backend: BackendName
}

/** Whether a backend works here. `demanded`: it was asked for by a switch of its own, so its failure is an error. */
export type Probe = { readonly failure: null } | { readonly failure: Unavailable; readonly demanded: boolean }

/** Asked only for the backends that may be chosen, each at most once. */
export type Probes = (backend: BackendName) => Probe

export interface Selection {
  readonly backend: BackendName
  /** The option, or what SAE_MATCH_BACKEND makes of `auto`. */
  readonly requested: BackendRequest
  readonly reasons: readonly Reason[]
}

/**
 * Which backend serves a request. An explicit one is that one or an error with its reason's code; `auto` is the best
 * available, and every backend that was passed over leaves a reason.
 */
export function selectBackend(request: BackendRequest, environment: Environment, probes: Probes): Selection {
  if (request !== 'auto' && !backendNames.includes(request)) {
    throw wrongValue('backend', '"auto", "native", "typescript" or "cuda"', request)
  }
  const requested = request === 'auto' ? environment.backend : request
  const reasons: Reason[] = []
  if (request === 'auto' && requested !== 'auto') {
    for (const backend of backendNames) if (backend !== requested) reasons.push({ backend, ...disabled(requested) })
  }
  for (const backend of requested === 'auto' ? backendNames : [requested]) {
    const probe = probes(backend)
    if (probe.failure === null) return { backend, requested, reasons }
    const { code, message, hint } = probe.failure
    if (requested !== 'auto' || probe.demanded) throw new SaeMatchError(code, message, { hint })
    reasons.push({ backend, code, message, hint })
  }
  throw new SaeMatchError('BACKEND_UNAVAILABLE', 'No backend works here')
}

/** Whether a backend works on this machine; loads the addon when asked for `native`, the CUDA library for `cuda`. */
export function probeBackend(backend: BackendName): Probe {
  if (backend === 'typescript') return { failure: null }
  return backend === 'native' ? loadAddon() : loadCuda()
}

/** {@link getBackendSync} as a promise, so that every failure is a rejection. */
export async function getBackend(request: BackendRequest = 'auto'): Promise<Backend> {
  return getBackendSync(request)
}

/**
 * The backend for a request, the same object every time: the environment counts as it is at the first call.
 * @throws the reason's code if an explicitly requested backend cannot be used; `INVALID_ENVIRONMENT`;
 *   `SIMD_UNSUPPORTED` if SAE_MATCH_SIMD names an instruction set that is not there.
 */
export function getBackendSync(request: BackendRequest = 'auto'): Backend {
  const chosenBefore = chosen.get(request)
  if (chosenBefore !== undefined) return chosenBefore
  const environment = readEnvironment(process.env)
  const { backend, requested, reasons } = selectBackend(request, environment, probeBackend)
  for (const reason of reasons) {
    if (failuresOfPresentGpus.has(reason.code)) warnOfGpu(`The GPU is not used: ${reason.message}`, reason)
  }
  if (backend === 'cuda') warnOfGpusPassedOver()
  const instance =
    requested === 'auto' && backend === 'cuda'
      ? withFallback(backendOf('cuda', environment), backendOf('native', environment), rememberFailure)
      : backendOf(backend, environment)
  chosen.set(request, instance)
  return instance
}

/** The failures of GPUs after which `auto` did a job again: the latest of every code. */
export function failuresInJobs(): Reason[] {
  return [...failures.values()]
}

const backends = new Map<BackendName, Backend>()
const chosen = new Map<BackendRequest, Backend>()
const failures = new Map<ErrorCode, Reason>()

function backendOf(name: BackendName, environment: Environment): Backend {
  const backend = backends.get(name) ?? createBackend(name, environment)
  backends.set(name, backend)
  return backend
}

function rememberFailure(error: SaeMatchError): void {
  const { code, message, hint } = describeGpuFailure(error)
  const whatFollows = `A job that failed on the GPU is done again on the CPU${code === 'DEVICE_LOST' ? ', where all others go, too' : ''}`
  const reason: Reason = { backend: 'cuda', code, message: `${whatFollows}: ${message}`, hint }
  if (!failures.has(code)) warnOfGpu(reason.message, reason)
  failures.set(code, reason)
}

/** One of several GPUs may fail its test. */
function warnOfGpusPassedOver(): void {
  for (const [place, { failure }] of loadCuda().info?.devices.entries() ?? []) {
    if (failure !== null) warnOfGpu(`GPU ${place} is not used: ${failure.message}`, describeGpuFailure(failure))
  }
}

const warnings = new Set<string>()

/** Once for a process: a GPU that is there and cannot be used, or not to the end of a job. */
function warnOfGpu(text: string, { code, hint }: Unavailable): void {
  if (warnings.has(text)) return
  warnings.add(text)
  process.emitWarning(text, { code, detail: hint })
}

function createBackend(name: BackendName, { simd, threads }: Environment): Backend {
  const { addon } = name === 'typescript' ? { addon: null } : loadAddon()
  if (addon === null) return createTypescriptBackend({ threads: threads ?? availableCores() })
  if (simd !== 'auto') forceSimd(addon, simd)
  if (threads !== null) addon.setThreadCount(threads)
  return createNativeBackend(addon, name === 'cuda' ? (loadCuda().info?.libraryPath ?? null) : null)
}

function disabled(requested: BackendName): Unavailable {
  return {
    code: 'DISABLED_BY_ENV',
    message: `SAE_MATCH_BACKEND is ${requested}`,
    hint: 'Unset SAE_MATCH_BACKEND, or ask for the backend by name.',
  }
}
