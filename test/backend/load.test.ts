import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type AddonLoad, loadAddonFrom } from '../../src/backend/load.js'
import { version } from '../../src/backend/manifest.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const emptyRoot = path.join(folder, 'package')
mkdirSync(emptyRoot)

/** A file that stands for the addon. */
function fake(name: string, text: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

function failure(load: AddonLoad) {
  if (load.failure === null) throw new Error(`expected a failure, but ${load.path} was loaded`)
  return load
}

const load = (addon: string | null) => loadAddonFrom({ addon, root: emptyRoot, version: '1.2.3' })

describe('loadAddonFrom', () => {
  it('takes an addon of the same version', () => {
    const file = fake('good.cjs', 'module.exports = { version: "1.2.3" }')
    expect(load(file)).toMatchObject({ addon: { version: '1.2.3' }, path: file, failure: null })
  })

  it('reports a package without an addon, which the TypeScript backend may serve', () => {
    const { failure: reason, path: file, demanded } = failure(load(null))
    expect(reason).toMatchObject({ code: 'ADDON_NOT_FOUND', hint: expect.stringContaining('build:native') })
    expect(reason.message).toContain(`platform=${process.platform}`)
    expect({ file, demanded }).toEqual({ file: null, demanded: false })
  })

  it('finds build/Release first, and does not go on when that file is broken', () => {
    const root = path.join(folder, 'clone')
    const tuple = `${process.platform}-${process.arch}`
    mkdirSync(path.join(root, 'build', 'Release'), { recursive: true })
    mkdirSync(path.join(root, 'prebuilds', tuple), { recursive: true })
    writeFileSync(path.join(root, 'prebuilds', tuple, 'sae-match.node'), 'not a shared object')
    writeFileSync(path.join(root, 'build', 'Release', 'sae_match.node'), 'not a shared object either')
    const { failure: reason, path: file, demanded } = failure(loadAddonFrom({ addon: null, root, version: '1.2.3' }))
    expect(reason.code).toBe('DLOPEN_FAILED')
    expect(file).toBe(path.join(root, 'build', 'Release', 'sae_match.node'))
    expect(demanded).toBe(false)
  })

  it.each([
    [
      'a file that is not a shared object',
      'garbage.node',
      'not a shared object',
      'DLOPEN_FAILED',
      'could not be loaded',
    ],
    [
      'code that throws',
      'throws.cjs',
      'throw new Error("symbol not found: x")',
      'DLOPEN_FAILED',
      'symbol not found: x',
    ],
    ['an older version', 'old.cjs', 'module.exports = { version: "1.2.2" }', 'ABI_MISMATCH', 'of version 1.2.2'],
    ['something else', 'other.cjs', 'module.exports = {}', 'ABI_MISMATCH', 'of version undefined'],
    [
      'a newer glibc',
      'glibc.cjs',
      'throw new Error("/lib/libc.so.6: version `GLIBC_2.9\' not found; version `GLIBC_2.38\' not found (required by x)")',
      'GLIBC_TOO_OLD',
      'needs glibc 2.38, found ',
    ],
    [
      'disabled addons',
      'disabled.cjs',
      'throw new Error("Cannot load native addon because loading addons is disabled.")',
      'DLOPEN_FAILED',
      'loading addons is disabled',
    ],
  ])('reports %s', (_, name, text, code, message) => {
    const file = fake(name, text)
    const { failure: reason, path: found, demanded } = failure(load(file))
    expect(reason).toMatchObject({ code, message: expect.stringContaining(message), hint: expect.stringMatching(/\w/) })
    expect(reason.message).toContain(file)
    expect({ found, demanded }).toEqual({ found: file, demanded: true })
  })

  it('names required against found glibc', () => {
    const file = fake('glibc-2.cjs', 'throw new Error("version `GLIBC_2.99\' not found")')
    const { failure: reason } = failure(load(file))
    const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
    expect(reason.message).toContain(`found ${header.glibcVersionRuntime ?? 'none'}`)
  })

  it('takes a missing SAE_MATCH_ADDON for an error, not for a reason to look elsewhere', () => {
    const file = path.join(folder, 'absent.node')
    expect(failure(load(file))).toMatchObject({ failure: { code: 'DLOPEN_FAILED' }, path: file, demanded: true })
  })

  it('loads the addon of this clone, if it was built', () => {
    const root = fileURLToPath(new URL('../../', import.meta.url))
    const found = loadAddonFrom({ addon: null, root, version })
    if (found.failure !== null) expect(found.failure.code).toBe('ADDON_NOT_FOUND')
    else expect(found.addon.version).toBe(version)
  })
})
