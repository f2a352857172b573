import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { ErrorCode } from '../errors.js'
import type { Addon } from './addon-types.js'
import { readEnvironment } from './environment.js'
import { inPackage } from './location.js'
import { glibcLimit, version } from './manifest.js'

/** Why a backend cannot be used. */
export interface Unavailable {
  readonly code: ErrorCode
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

/** The addon, or why there is none. */
export type AddonLoad =
  | { readonly addon: Addon; readonly path: string; readonly failure: null }
  | {
      readonly addon: null
      /** The file that was found but could not be used. */
      readonly path: string | null
      readonly failure: Unavailable
      /** `SAE_MATCH_ADDON` asked for this very file: then nothing may silently take its place. */
      readonly demanded: boolean
    }

const require = createRequire(inPackage('load.js'))
const packageRoot = fileURLToPath(inPackage('../../'))

let loaded: AddonLoad | undefined

/** Loads the addon at the first call and keeps the result, good or bad, for the process. */
export function loadAddon(): AddonLoad {
  loaded ??= loadAddonFrom({ addon: readEnvironment(process.env).addon, root: packageRoot, version })
  return loaded
}

/**
 * Looks for the addon: `addon` and nothing else if it is given, otherwise what node-gyp-build finds below `root`
 * (`build/Release`, then `prebuilds`). A file that is found must load and be of this `version`.
 */
export function loadAddonFrom(options: { addon: string | null; root: string; version: string }): AddonLoad {
  const demanded = options.addon !== null
  const failed = (file: string | null, failure: Unavailable): AddonLoad => ({
    addon: null,
    path: file,
    failure,
    demanded,
  })

  let file = options.addon
  if (file === null) {
    try {
      file = (require('node-gyp-build') as { path(root: string): string }).path(options.root)
    } catch (error) {
      return failed(null, notFound(error))
    }
  }
  let addon: Addon
  try {
    addon = require(file) as Addon
  } catch (error) {
    return failed(file, notLoadable(file, error))
  }
  if (addon.version !== options.version) return failed(file, otherVersion(file, addon.version, options.version))
  return { addon, path: file, failure: null }
}

function notFound(error: unknown): Unavailable {
  return {
    code: 'ADDON_NOT_FOUND',
    message: `There is no built native addon for this platform: ${firstLine(error)}`,
    hint: 'With a C++20 compiler and CMake 3.25: in a clone run `npm run build:native`, beside an installed package `npm install cmake-js node-addon-api` and `node node_modules/sae-match/scripts/build-native.mjs`; see docs/troubleshooting.md#addon_not_found.',
  }
}

function notLoadable(file: string, error: unknown): Unavailable {
  const message = error instanceof Error ? error.message : String(error)
  const glibc = newestGlibc(message)
  if (glibc !== null) {
    return {
      code: 'GLIBC_TOO_OLD',
      message: `${file} needs glibc ${glibc}, found ${runtimeGlibc() ?? 'none'}; the addon of this package needs ${glibcLimit}`,
      hint: 'Build the addon on this machine: see docs/troubleshooting.md#glibc_too_old.',
    }
  }
  return {
    code: 'DLOPEN_FAILED',
    message: `${file} could not be loaded: ${firstLine(error)}`,
    hint: message.includes('loading addons is disabled')
      ? 'Start Node without --no-addons.'
      : 'See docs/troubleshooting.md#dlopen_failed.',
  }
}

function otherVersion(file: string, found: unknown, expected: string): Unavailable {
  return {
    code: 'ABI_MISMATCH',
    message: `${file} is of version ${String(found)}, this package of version ${expected}`,
    hint: 'Run `npm run build:native` in a clone, or install the package again.',
  }
}

/** The newest version among the `GLIBC_x.y` that a loader's message names; null if it names none. */
function newestGlibc(message: string): string | null {
  const versions = [...message.matchAll(/\bGLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    Number(major),
    Number(minor),
  ])
  const newest = versions.sort(([a, b], [c, d]) => a - c || b - d).at(-1)
  return newest === undefined ? null : newest.join('.')
}

function runtimeGlibc(): string | undefined {
  const report = process.report?.getReport() as unknown as { header?: { glibcVersionRuntime?: string } } | undefined
  return report?.header?.glibcVersionRuntime
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]
}
