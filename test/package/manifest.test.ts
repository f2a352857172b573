import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const manifest = JSON.parse(read('package.json'))
const lock = JSON.parse(read('package-lock.json'))

describe('package.json', () => {
  it('names the package, its licence and the Node it needs', () => {
    expect(manifest).toMatchObject({
      name: 'sae-match',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      license: 'MIT',
      type: 'module',
      engines: { node: '>=20.19' },
    })
  })

  it('does nothing when it is installed', () => {
    for (const script of ['preinstall', 'install', 'postinstall', 'prepublish']) {
      expect(manifest.scripts).not.toHaveProperty(script)
    }
    // Without it npm invents `install: node-gyp rebuild` for packages with a binding.gyp.
    expect(manifest.gypfile).toBe(false)
  })

  it('has no script that npm runs before or after another by its name alone', () => {
    const names = Object.keys(manifest.scripts)
    const hooks = names.flatMap((name) => [`pre${name}`, `post${name}`])
    expect(names.filter((name) => hooks.includes(name))).toEqual([])
  })

  it('ships what a consumer needs and neither binding.gyp nor tests', () => {
    expect(manifest.files).toEqual(
      expect.arrayContaining(['dist', 'prebuilds', 'native', '!native/test', 'docs', 'examples']),
    )
    expect(manifest.files).not.toContain('binding.gyp')
  })

  it('puts types first in every entry of exports', () => {
    for (const entry of Object.values(manifest.exports)) {
      if (typeof entry === 'object' && entry !== null) expect(Object.keys(entry)[0]).toBe('types')
    }
    expect(manifest.exports['.']).toEqual({ types: './dist/index.d.ts', default: './dist/index.js' })
  })

  it('pins every dependency to one version, the one of the lock file', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
      expect(lock.packages[`node_modules/${name}`].version, name).toBe(version)
    }
  })

  it('locks the packages of every platform, without which npm ci refuses to install', () => {
    const entries = Object.entries<{ optionalDependencies?: Record<string, string> }>(lock.packages)
    const optional = entries.flatMap(([name, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).map((dependency) => [
        `${name}/node_modules/${dependency}`,
        `node_modules/${dependency}`,
      ]),
    )
    expect(optional.filter((places) => !places.some((place) => place in lock.packages))).toEqual([])
  })

  it('has few dependencies, and none with an install script', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      ...['fflate', 'hyparquet-writer', 'node-gyp-build', 'picocolors', 'yauzl'],
    ])
    const runtime = Object.entries<{ dev?: boolean; peer?: boolean; hasInstallScript?: boolean }>(lock.packages)
    const scripted = runtime.filter(([name, entry]) => name && !entry.dev && !entry.peer && entry.hasInstallScript)
    expect(scripted).toEqual([])
  })

  it('makes what only building from source needs optional', () => {
    expect(Object.keys(manifest.peerDependencies)).toEqual(Object.keys(manifest.peerDependenciesMeta))
    for (const meta of Object.values(manifest.peerDependenciesMeta)) expect(meta).toEqual({ optional: true })
    expect(manifest.binary).toEqual({ napi_versions: [8] })
  })
})
