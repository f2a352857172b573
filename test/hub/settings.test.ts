import { writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hubSettings } from '../../src/hub/settings.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

describe('hubSettings', () => {
  it.each<[Record<string, string>, string]>([
    [{ HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c', XDG_CACHE_HOME: '/d' }, '/a'],
    [{ HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c', XDG_CACHE_HOME: '/d' }, '/b'],
    [{ HF_HOME: '/c', XDG_CACHE_HOME: '/d' }, join('/c', 'hub')],
    [{ XDG_CACHE_HOME: '/d' }, join('/d', 'huggingface', 'hub')],
    [{ HF_HUB_CACHE: '' }, join(homedir(), '.cache', 'huggingface', 'hub')],
  ])('%j: the cache is %s', (environment, cache) => {
    expect(hubSettings({ ...environment, HF_TOKEN: 'hf_x' }).cache).toBe(cache)
  })

  it('takes the token of the environment, then that of the file', () => {
    writeFileSync(join(folder, 'token'), 'hf_file\n')
    expect(hubSettings({ HF_HOME: folder, HF_TOKEN: ' hf_own ' }).token).toBe('hf_own')
    expect(hubSettings({ HF_HOME: folder }).token).toBe('hf_file')
    expect(hubSettings({ HF_HOME: '/elsewhere', HF_TOKEN_PATH: join(folder, 'token') }).token).toBe('hf_file')
    expect(hubSettings({ HF_HOME: join(folder, 'nothing') }).token).toBeNull()
  })

  it.each(['hf_secret\nhf_other', 'hf_sec…ret', 'hf secret', 'hf_\u0001secret'])(
    'refuses %j without showing it',
    (token) => {
      let message = ''
      try {
        hubSettings({ HF_TOKEN: token })
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
        message = (error as Error).message
      }
      expect(message).toContain('HF_TOKEN')
      expect(message).not.toContain('sec')
    },
  )

  it('knows when to stay offline, and where the hub is', () => {
    for (const yes of ['1', 'ON', 'true', 'yes']) expect(hubSettings({ HF_HUB_OFFLINE: yes }).offline).toBe(true)
    for (const no of ['', '0', 'false']) expect(hubSettings({ HF_HUB_OFFLINE: no }).offline).toBe(false)
    expect(hubSettings({}).endpoint).toBe('https://huggingface.co')
    expect(hubSettings({ HF_ENDPOINT: 'http://host:8/mirror//' }).endpoint).toBe('http://host:8/mirror')
    for (const wrong of ['huggingface.co', 'file:///tmp', 'https://user:x@host', 'https://host/?a=b']) {
      expect(() => hubSettings({ HF_ENDPOINT: wrong })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })
})
