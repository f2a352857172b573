import path from 'node:path'
import type { ErrorCode } from '../errors.js'
import type { NativeDevices } from './addon-types.js'
import { readEnvironment } from './environment.js'
import { type AddonLoad, loadAddon, type Unavailable } from './load.js'

/** The CUDA library in use and the GPUs it found. */
export interface CudaInfo extends NativeDevices {
  readonly libraryPath: string
}

/** The GPUs, or why there are none. */
export type CudaLoad =
  | { readonly info: CudaInfo; readonly failure: null }
  | {
      readonly info: null
      readonly failure: Unavailable
      /** `SAE_MATCH_CUDA_LIB` asked for this very library (or `SAE_MATCH_ADDON` for that addon). */
      readonly demanded: boolean
    }

let loaded: CudaLoad | undefined

/** Loads the CUDA library and tests its GPUs at the first call, and keeps the result, good or bad, for the process. */
export function loadCuda(): CudaLoad {
  loaded ??= loadCudaFrom(readEnvironment(process.env).cudaLibrary, loadAddon())
  return loaded
}

/**
 * The library at the absolute path `demanded`, or else beside the addon that was loaded. No other place is looked at.
 * Kernels must give known answers before the GPUs count as usable.
 */
export function loadCudaFrom(demanded: string | null, { addon, path: addonPath, ...load }: AddonLoad): CudaLoad {
  if (addon === null) {
    const { failure, demanded } = load as Extract<AddonLoad, { addon: null }>
    return { info: null, failure, demanded }
  }
  const libraryPath = demanded ?? path.join(path.dirname(addonPath as string), libraryName)
  try {
    addon.testDevices(libraryPath)
    const devices = addon.describeDevices(libraryPath)
    return { info: { libraryPath, ...devices }, failure: null }
  } catch (error) {
    return {
      info: null,
      failure: describeGpuFailure(error as Error & { code?: ErrorCode }),
      demanded: demanded !== null,
    }
  }
}

/** An error of the addon about a GPU, with what to do about it. */
export function describeGpuFailure({ code = 'INTERNAL', message }: { code?: ErrorCode; message: string }): Unavailable {
  return { code, message, hint: hints[code] ?? 'Run `sae-match doctor`, and report this with its output.' }
}

/** Failures of a GPU that is there, which `auto` must not pass over in silence. */
export const failuresOfPresentGpus: ReadonlySet<ErrorCode> = new Set([
  'DRIVER_TOO_OLD',
  'ARCH_UNSUPPORTED',
  'OUT_OF_MEMORY',
  'SELF_TEST_FAILED',
  'DEVICE_LOST',
  'DEVICE_FAILED',
])

const libraryName = 'libsae_match_cuda.so'

const hints: Partial<Record<ErrorCode, string>> = {
  BACKEND_LIB_NOT_FOUND:
    'In a clone with nvcc 13 run `npm run build:cuda`; or name a library that was built in SAE_MATCH_CUDA_LIB.',
  DLOPEN_FAILED: 'Build the library on this machine: `npm run build:cuda`.',
  GLIBC_TOO_OLD: 'Build the library on this machine: `npm run build:cuda`.',
  ABI_MISMATCH: 'Run `npm run build:native` and `npm run build:cuda`, or install the package again.',
  NO_DRIVER: 'Install the NVIDIA driver, version 580 or newer; `nvidia-smi` must list the GPU.',
  DRIVER_TOO_OLD: 'Install an NVIDIA driver of version 580 or newer, or use backend "native".',
  NO_DEVICE: '`nvidia-smi` must list a GPU; CUDA_VISIBLE_DEVICES and the options of a container may hide it.',
  ARCH_UNSUPPORTED: 'The library needs a GPU of compute capability 8.0 (Ampere) or newer.',
  OUT_OF_MEMORY: 'Other programs use the memory of the GPU: `nvidia-smi` lists them.',
  SELF_TEST_FAILED: 'Do not trust this GPU, or report it with the output of `sae-match doctor --json`.',
  DEVICE_FAILED:
    'If `nvidia-smi` works: after an update of the driver restart the machine; GPUs with NVSwitch need nvidia-fabricmanager. Or report it with the output of `sae-match doctor --json`.',
  DEVICE_LOST: 'Start the process again; `nvidia-smi` and the kernel log (`dmesg | grep NVRM`) tell more.',
}
