import path from 'node:path'
import { describe, SaeMatchError } from '../errors.js'
import type { BackendName } from './backend.js'

/** What `SAE_MATCH_BACKEND` and every `backend` option may say. */
export type BackendRequest = 'auto' | BackendName

/** Best first: the order in which `auto` looks for a backend. */
export const backendNames: readonly BackendName[] = ['cuda', 'native', 'typescript']

const simdNames = ['auto', 'portable', 'avx2', 'avx512', 'amx', 'neon']

/** The `SAE_MATCH_*` switches, validated. An empty variable counts as unset. */
export interface Environment {
  /** What `auto` means in this process. */
  readonly backend: BackendRequest
  /** The instruction set to force on the native backend; `auto` for the best. */
  readonly simd: string
  /** Threads of the CPU backends; null for the cores this process may use. */
  readonly threads: number | null
  /** The only addon file to try; null to look in the package. */
  readonly addon: string | null
  /** The only CUDA library to try; null for the one beside the addon. */
  readonly cudaLibrary: string | null
}

/** @throws `INVALID_ENVIRONMENT` naming the variable, what it may be and what it is. */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  return {
    backend: word(variables, 'SAE_MATCH_BACKEND', ['auto', ...backendNames]),
    simd: word(variables, 'SAE_MATCH_SIMD', simdNames),
    threads: threadCount(variables),
    addon: absolutePath(variables, 'SAE_MATCH_ADDON'),
    cudaLibrary: absolutePath(variables, 'SAE_MATCH_CUDA_LIB'),
  }
}

/** The `SAE_MATCH_*` variables that are set, for reports. */
export function environmentReport(variables: NodeJS.ProcessEnv): Record<string, string> {
  const report: Record<string, string> = {}
  for (const [name, value] of Object.entries(variables).sort()) {
    if (name.startsWith('SAE_MATCH_') && value) report[name] = value
  }
  return report
}

function word<T extends string>(variables: NodeJS.ProcessEnv, name: string, allowed: readonly T[]): T {
  const value = (variables[name] || 'auto') as T
  if (!allowed.includes(value)) throw invalid(name, `one of ${allowed.join(', ')}`, value)
  return value
}

function threadCount(variables: NodeJS.ProcessEnv): number | null {
  const value = variables.SAE_MATCH_THREADS
  if (!value) return null
  if (!/^[1-9]\d{0,3}$/.test(value)) throw invalid('SAE_MATCH_THREADS', 'an integer from 1 to 9999', value)
  return Number(value)
}

function absolutePath(variables: NodeJS.ProcessEnv, name: string): string | null {
  const value = variables[name]
  if (!value) return null
  if (!path.isAbsolute(value)) throw invalid(name, 'an absolute path', value)
  return value
}

function invalid(name: string, expected: string, value: string): SaeMatchError {
  return new SaeMatchError('INVALID_ENVIRONMENT', `Expected ${expected} in ${name}, got ${describe(value)}`, {
    hint: `Correct or unset ${name}.`,
  })
}
