import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hashFile, sha256, userCacheDirectory } from '../../src/output/file-hash.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const cache = join(folder, 'cache')
/** The published test vector of SHA-256. */
const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

describe('hashFile', () => {
  it('hashes what is in the file', async () => {
    const path = join(folder, 'abc')
    writeFileSync(path, 'abc')
    expect(await hashFile(path, { cache })).toEqual({ path, bytes: 3, sha256: abc })
    expect(sha256('abc')).toBe(abc)
  })

  it('remembers by path, size and time, and by nothing less', async () => {
    const path = join(folder, 'remembered')
    const entry = () =>
      readdirSync(cache).find((name) => readFileSync(join(cache, name), 'utf8').includes('remembered'))!
    writeFileSync(path, 'old')
    utimesSync(path, 1000, 1000)
    const { sha256: old } = await hashFile(path, { cache })
    const marked = readFileSync(join(cache, entry()), 'utf8').replace(old, 'f'.repeat(64))
    writeFileSync(join(cache, entry()), marked)
    expect((await hashFile(path, { cache })).sha256).toBe('f'.repeat(64))

    utimesSync(path, 1001, 1001)
    expect((await hashFile(path, { cache })).sha256).toBe(old)
    writeFileSync(path, 'other')
    utimesSync(path, 1001, 1001)
    expect((await hashFile(path, { cache })).sha256).toBe(sha256('other'))
  })

  it('does without a cache that cannot be used', async () => {
    const path = join(folder, 'plain')
    writeFileSync(path, 'abc')
    expect((await hashFile(path, { cache: join(path, 'below a file') })).sha256).toBe(abc)
    writeFileSync(join(cache, `${sha256(path).slice(0, 32)}.json`), 'not json')
    expect((await hashFile(path, { cache })).sha256).toBe(abc)
  })

  it('fails by name, and stops when told to', async () => {
    await expectFailure(hashFile(join(folder, 'missing'), { cache }), 'FILE_NOT_FOUND', 'missing')
    const path = join(folder, 'stopped')
    writeFileSync(path, 'abc')
    const reason = new Error('enough')
    await expect(hashFile(path, { cache, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('userCacheDirectory', () => {
  it.each([
    { env: { XDG_CACHE_HOME: '/x' }, platform: 'linux', folder: '/x' },
    { env: {}, platform: 'linux', folder: join(homedir(), '.cache') },
    { env: {}, platform: 'darwin', folder: join(homedir(), 'Library', 'Caches') },
    { env: { LOCALAPPDATA: 'C:\\local' }, platform: 'win32', folder: 'C:\\local' },
  ] as const)('is $folder on $platform', ({ env, platform, folder }) => {
    expect(userCacheDirectory(env, platform)).toBe(folder)
  })
})
