import os from 'node:os'
import { backendAvailability, backendInfo } from '../backend/info.js'
import { version } from '../backend/manifest.js'

/** What ran a benchmark: without this its figures mean nothing. */
export interface Machine {
  /** ISO 8601. */
  readonly date: string
  readonly cpu: string
  /** Those this process may use. */
  readonly cores: number
  readonly memoryBytes: number
  /** System and architecture as Node names them. */
  readonly platform: string
  /** The system's own name and release. */
  readonly os: string
  readonly node: string
  /** Of this package. */
  readonly version: string
  /** The instruction set of the native backend; null where that does not work. */
  readonly simd: string | null
  /** The commit the addon was built from; null without an addon, or where that was not built in a repository. */
  readonly addonCommit: string | null
}

/** This machine, now. @throws `INVALID_ENVIRONMENT` or `SIMD_UNSUPPORTED` */
export function describeMachine(): Machine {
  const native = backendAvailability().native.available ? backendInfo('native') : null
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    platform: `${process.platform} ${process.arch}`,
    os: `${os.type()} ${os.release()}`,
    node: process.version,
    version,
    simd: native?.simd ?? null,
    addonCommit: native?.build?.commit || null,
  }
}
