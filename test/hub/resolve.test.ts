import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseReference } from '../../src/hub/reference.js'
import { type ResolveOptions, resolveReference } from '../../src/hub/resolve.js'
import type { HubSettings } from '../../src/hub/settings.js'
import { loadSae } from '../../src/matching/load.js'
import { expectFailure } from '../helpers/errors.js'
import { type Fault, sendContents, sha256, startHub } from '../helpers/hub-server.js'
import { gemmaScopeFile } from '../helpers/npz-files.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const commit = 'a'.repeat(40)
const big = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, place) => (place * 7919) % 251))
const files = {
  'README.md': Buffer.from('# SAEs'),
  'layer_0/width_16k/average_l0_13/params.npz': gemmaScopeFile(1),
  'layer_0/width_16k/average_l0_105/params.npz': gemmaScopeFile(2),
  'layer_1/width_16k/average_l0_102/params.npz': gemmaScopeFile(3),
  'layer_1/width_65k/average_l0_102/params.npz': gemmaScopeFile(4),
}
const other = {
  'config.json': Buffer.from('{"model":"small"}'),
  'blocks.3.hook_mlp_out/cfg.json': Buffer.from('{"d_in":3}'),
  'blocks.3.hook_mlp_out/sae_weights.safetensors': big,
  'blocks.3.hook_mlp_out/sparsity.safetensors': Buffer.from('rates'),
}
const scope = 'google/gemma-scope-2b-pt-res'
const hub = await startHub([
  { name: scope, commit, files },
  { name: 'some/saes', commit, files: other },
])
const folder = temporaryFolder()
let caches = 0
let settings: HubSettings
const weights = 'hf://some/saes/blocks.3.hook_mlp_out'

beforeEach(() => {
  hub.log.length = 0
  Object.assign(hub.state, { fault: null, mirrored: null })
  const cache = join(folder, `cache-${caches++}`)
  settings = { endpoint: hub.endpoint, token: 'hf_secret', offline: false, cache, retryDelay: 1 }
})

const get = (reference: string, options: ResolveOptions = {}) =>
  resolveReference(parseReference(reference), options, settings)
const inside = (paths: readonly string[]) => paths.map((path) => path.slice(path.indexOf(commit) + 41))
const blobs = (repository = 'models--some--saes') => readdirSync(join(settings.cache, repository, 'blobs')).sort()
const partsOfBig = () => blobs().filter((name) => name.startsWith(sha256(big)) && name.endsWith('.incomplete'))
const downloads = () => hub.log.filter(({ server }) => server === 'store')

describe('resolveReference', () => {
  it('downloads one SAE into the layout that clients share', async () => {
    const [path] = await get(weights)
    const repository = join(settings.cache, 'models--some--saes')
    expect(path).toBe(join(repository, 'snapshots', commit, 'blocks.3.hook_mlp_out'))
    expect(readdirSync(path).sort()).toEqual(['cfg.json', 'sae_weights.safetensors', 'sparsity.safetensors'])
    expect(readFileSync(join(path, '..', 'config.json'), 'utf8')).toBe('{"model":"small"}')
    const pointer = join(path, 'sae_weights.safetensors')
    expect(readlinkSync(pointer)).toBe(join('..', '..', '..', 'blobs', sha256(big)))
    expect(readFileSync(pointer)).toEqual(big)
    expect(readFileSync(join(repository, 'refs', 'main'), 'utf8')).toBe(commit)
    expect(blobs()).toHaveLength(4)
  })

  it('does not download again, also by the name of another revision', async () => {
    await get(weights)
    hub.log.length = 0
    await get(`${weights}@refs/pr/1`)
    await get(`hf://some/saes@${commit}/blocks.3.hook_mlp_out`)
    expect(hub.log.filter(({ url }) => url.includes('/resolve/'))).toEqual([])
    expect(readFileSync(join(settings.cache, 'models--some--saes', 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit)
  })

  it('gives the layers of a release, the canonical SAE of each', async () => {
    const paths = await get(`hf://${scope}`, { width: '16k' })
    expect(inside(paths)).toEqual(['layer_0/width_16k/average_l0_105', 'layer_1/width_16k/average_l0_102'])
    expect(downloads()).toHaveLength(2)
    const sae = await loadSae(paths[1])
    expect(sae).toMatchObject({ layer: 1, model: 'google/gemma-2-2b', site: 'residual' })
    expect(inside(await get(`hf://${scope}`, { width: 16384, l0: 'closest:20', layers: [0] }))).toEqual([
      'layer_0/width_16k/average_l0_13',
    ])
  })

  it('takes a file for itself', async () => {
    const file = 'layer_0/width_16k/average_l0_13/params.npz'
    expect(inside(await get(`hf://${scope}/${file}`))).toEqual([file])
  })

  it('asks which width, before anything is downloaded', async () => {
    await expectFailure(get(`hf://${scope}`), 'SAE_AMBIGUOUS', '16k, 65k')
    await expectFailure(get(`hf://${scope}`, { width: '1m' }), 'FORMAT_UNKNOWN', '16k, 65k')
    expect(downloads()).toEqual([])
  })

  it('tells how far it is', async () => {
    const seen: number[] = []
    const notes: string[] = []
    const onProgress: ResolveOptions['onProgress'] = ({ done, total }) => {
      seen.push(done)
      expect(total).toBe(Object.values(other).reduce((sum, { length }) => sum + length, 0))
    }
    await get(weights, { onProgress, onNote: (note) => notes.push(note) })
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(Object.values(other).reduce((sum, { length }) => sum + length, 0))
    expect(notes).toEqual([expect.stringContaining('Downloading 4 files of some/saes, 0.3 MB')])
  })
})

describe('the token', () => {
  it('goes to the hub and never to where it redirects', async () => {
    await get(weights)
    const tokens = (server: string) => [
      ...new Set(hub.log.filter((request) => request.server === server).map((request) => request.authorization)),
    ]
    expect(tokens('hub')).toEqual(['Bearer hf_secret'])
    expect(tokens('store')).toEqual([undefined])
  })

  it('stays home when a list is continued elsewhere', async () => {
    // a mirror that passes on the links of the hub itself
    hub.state.mirrored = 'https://elsewhere.invalid'
    expect(await get(`hf://${scope}`, { width: 'all', l0: 'all' })).toHaveLength(4)
    expect(hub.log.filter(({ url }) => url.includes('cursor=')).length).toBeGreaterThan(1)
  })

  it('goes to a mirror at a path of its host, further pages included', async () => {
    settings = { ...settings, endpoint: `${hub.endpoint}/mirror` }
    expect(await get(`hf://${scope}`, { width: 'all', l0: 'all' })).toHaveLength(4)
    const asked = hub.log.filter(({ server }) => server === 'hub')
    expect(asked.filter(({ url }) => url.includes('cursor=')).length).toBeGreaterThan(1)
    for (const { url } of asked) expect(url).toMatch(/^\/mirror\//)
  })

  it('is asked for where there is none', async () => {
    hub.state.fault = answer(401)
    settings = { ...settings, token: null }
    const failure = get(weights).catch((error) => error)
    expect(await failure).toMatchObject({ code: 'HUB_ACCESS', hint: expect.stringContaining('HF_TOKEN') })
    expect(hub.log).toHaveLength(1)
    expect(hub.log[0].authorization).toBeUndefined()
  })
})

describe('a hub that fails', () => {
  it.each([
    [403, 'HUB_ACCESS', 1],
    [404, 'HUB_NOT_FOUND', 1],
    [429, 'HUB_UNAVAILABLE', 5],
    [500, 'HUB_UNAVAILABLE', 5],
    [503, 'HUB_UNAVAILABLE', 5],
  ] as const)('answers %i: %s after %i requests', async (status, code, requests) => {
    hub.state.fault = answer(status)
    await expectFailure(get(weights), code, String(status))
    expect(hub.log).toHaveLength(requests)
    expect(existsSync(join(settings.cache, 'models--some--saes', 'snapshots'))).toBe(false)
  })

  it('is asked again, as late as it says', async () => {
    let left = 2
    hub.state.fault = (_request, response) => {
      if (left-- <= 0) return false
      response.writeHead(429, { 'retry-after': '0.05' }).end()
      return true
    }
    const start = performance.now()
    await get(weights)
    expect(performance.now() - start).toBeGreaterThan(95)
  })

  it('goes on where the connection was cut', async () => {
    let cuts = 0
    hub.state.fault = cutAfter(100_000, () => cuts++ < 2)
    const [path] = await get(weights)
    expect(readFileSync(join(path, 'sae_weights.safetensors'))).toEqual(big)
    const ranges = downloads().map(({ range }) => Number(/\d+/.exec(range ?? '0')![0]))
    expect(ranges[0]).toBe(0)
    expect(ranges[1]).toBeGreaterThan(0)
    expect(ranges[2]).toBeGreaterThan(ranges[1])
  })

  it('keeps what it has when it gives up, and goes on the next time', async () => {
    let asked = 0
    hub.state.fault = cutAfter(100_000, () => asked++ === 0, true)
    await expectFailure(get(weights), 'HUB_UNAVAILABLE')
    expect(partsOfBig()).toHaveLength(1)
    expect(blobs()).not.toContain(sha256(big))
    hub.state.fault = null
    hub.log.length = 0
    await get(weights)
    expect(Number(/\d+/.exec(downloads()[0].range ?? '')?.[0])).toBeGreaterThan(0)
    expect(blobs().filter((name) => name.includes('incomplete'))).toEqual([])
  })

  it('may ignore ranges', async () => {
    let cuts = 0
    hub.state.fault = (request, response, server) => {
      if (server !== 'store') return false
      request.headers.range = undefined
      return cutAfter(100_000, () => cuts++ === 0)(request, response, server)
    }
    const [path] = await get(weights)
    expect(readFileSync(join(path, 'sae_weights.safetensors'))).toEqual(big)
  })

  it('that ignores ranges and is always cut at the same place is given up', async () => {
    hub.state.fault = (request, response, server) => {
      if (server !== 'store') return false
      request.headers.range = undefined
      return cutAfter(100_000, () => true)(request, response, server)
    }
    await expectFailure(get(weights), 'HUB_UNAVAILABLE')
  })

  it.each([
    ['other bytes', Buffer.from(big).fill(1, 5, 6)],
    ['more bytes', Buffer.concat([big, Buffer.from('more')])],
  ])('that sends %s is found out', async (_what, contents) => {
    hub.state.fault = (request, response, server) => {
      if (server !== 'store' || !request.url!.includes(sha256(big))) return false
      sendContents(request, response, contents, {})
      return true
    }
    await expectFailure(get(weights), 'HUB_CHECKSUM', sha256(big))
    expect(blobs().filter((name) => name.startsWith(sha256(big)))).toEqual([])
    expect(
      existsSync(
        join(
          settings.cache,
          'models--some--saes',
          'snapshots',
          commit,
          'blocks.3.hook_mlp_out',
          'sae_weights.safetensors',
        ),
      ),
    ).toBe(false)
  })

  it('may answer every request with a part, or with none', async () => {
    for (const status of [206, 416]) {
      let asked = 0
      hub.state.fault = (_request, response, server) => {
        if (server !== 'store') return false
        asked++
        response.writeHead(status, { 'content-range': 'bytes 5-9/10' }).end(status === 206 ? 'parts' : '')
        return true
      }
      await expectFailure(get(weights), 'HUB_UNAVAILABLE', String(status))
      expect(asked).toBe(5)
    }
  })

  it('is continued where another client left a part, which may be damaged', async () => {
    for (const left of [big.subarray(0, 1000), Buffer.alloc(1000, 'x')]) {
      settings = { ...settings, cache: join(folder, `cache-${caches++}`) }
      const part = writePart(left)
      utimesSync(part, 1, 1)
      hub.log.length = 0
      const [path] = await get(weights)
      expect(readFileSync(join(path, 'sae_weights.safetensors'))).toEqual(big)
      expect(downloads()[0].range).toBe('bytes=1000-')
      expect(blobs().filter((name) => name.includes('incomplete'))).toEqual([])
    }
  })

  it('leaves a part alone that another client is writing to', async () => {
    const part = writePart(big.subarray(0, 1000))
    await get(weights)
    expect(readFileSync(part)).toEqual(big.subarray(0, 1000))
  })

  it('may redirect for ever, or to another protocol', async () => {
    for (const location of [`${hub.endpoint}/round`, 'file:///etc/passwd', 'ftp://127.0.0.1/x']) {
      hub.state.fault = (_request, response) => {
        response.writeHead(302, { location }).end()
        return true
      }
      await expectFailure(get(weights), 'HUB_UNAVAILABLE', 'redirect')
    }
  })

  it('may send no JSON', async () => {
    for (const text of ['<html>', '{"sha": "../../x"}', '[]', 'null']) {
      hub.state.fault = (_request, response) => {
        response.writeHead(200).end(text)
        return true
      }
      await expectFailure(get(weights), 'HUB_INVALID')
    }
  })
})

describe('names that would leave the cache', () => {
  it.each([
    '../../evil.npz',
    '/etc/evil.npz',
    'a/../../evil.npz',
    'a\\..\\evil.npz',
    'evil\0.npz',
    'C:/evil.npz',
    './evil.npz',
    'a//evil.npz',
  ])('refuses %j', async (path) => {
    hub.state.fault = tree([{ type: 'file', path, size: 3, oid: 'b'.repeat(40) }])
    await expectFailure(get(weights), 'HUB_INVALID', 'path')
    expect(existsSync(settings.cache)).toBe(false)
  })

  it.each([{ oid: '../../evil' }, { oid: 'b'.repeat(40), lfs: { oid: '../evil' } }, { oid: 'b'.repeat(39) }, {}])(
    'refuses hashes that are none: %j',
    async (hashes) => {
      hub.state.fault = tree([{ type: 'file', path: 'params.npz', size: 3, ...hashes }])
      await expectFailure(get(weights), 'HUB_INVALID', 'hash')
    },
  )

  it('does not follow links of the cache out of it', async () => {
    const secret = join(folder, 'secret.npz')
    writeFileSync(secret, files['layer_0/width_16k/average_l0_13/params.npz'])
    const place = join(
      settings.cache,
      'models--google--gemma-scope-2b-pt-res',
      'snapshots',
      commit,
      'layer_0/width_16k/average_l0_13',
    )
    mkdirSync(place, { recursive: true })
    symlinkSync(secret, join(place, 'params.npz'))
    settings = { ...settings, offline: true }
    await expectFailure(get(`hf://${scope}@${commit}/layer_0`), 'HUB_UNAVAILABLE')
    settings = { ...settings, offline: false }
    await get(`hf://${scope}@${commit}/layer_0/width_16k/average_l0_13`)
    expect(lstatSync(join(place, 'params.npz')).isSymbolicLink()).toBe(true)
    expect(readlinkSync(join(place, 'params.npz'))).toContain('blobs')
  })
})

describe('stopping', () => {
  it('leaves no half file under the final name, and what was downloaded for the next time', async () => {
    const stop = new AbortController()
    hub.state.fault = cutAfter(
      150_000,
      () => true,
      false,
      () => stop.abort(new Error('stopped')),
    )
    await expect(get(weights, { signal: stop.signal })).rejects.toThrow('stopped')
    expect(blobs().filter((name) => name.startsWith(sha256(big)))).toEqual(partsOfBig())
    expect(partsOfBig()).toHaveLength(1)
    expect(
      existsSync(
        join(
          settings.cache,
          'models--some--saes',
          'snapshots',
          commit,
          'blocks.3.hook_mlp_out',
          'sae_weights.safetensors',
        ),
      ),
    ).toBe(false)
    hub.state.fault = null
    const [path] = await get(weights)
    expect(readFileSync(join(path, 'sae_weights.safetensors'))).toEqual(big)
  })
})

describe('without a hub', () => {
  it('reads the cache', async () => {
    const online = await get(`hf://${scope}`, { width: '16k' })
    hub.log.length = 0
    settings = { ...settings, offline: true }
    expect(await get(`hf://${scope}`, { width: '16k' })).toEqual(online)
    expect(await get(`hf://${scope}@${commit}`, { width: '16k' })).toEqual(online)
    expect(hub.log).toEqual([])
    await expectFailure(get(`hf://${scope}@v2/layer_7`), 'FORMAT_UNKNOWN')
    await expectFailure(get('hf://google/nothing'), 'HUB_UNAVAILABLE', 'HF_HUB_OFFLINE')
  })

  it('reads the cache where the hub cannot be reached, and says so', async () => {
    const online = await get(weights)
    const notes: string[] = []
    settings = { ...settings, endpoint: 'http://127.0.0.1:1' }
    expect(await get(weights, { onNote: (note) => notes.push(note) })).toEqual(online)
    expect(notes).toEqual([expect.stringContaining('Cannot reach http://127.0.0.1:1')])
    await expectFailure(get('hf://google/nothing'), 'HUB_UNAVAILABLE', 'Cannot reach')
  })

  it('takes the newest snapshot where no ref says which', async () => {
    const snapshots = join(settings.cache, 'models--some--saes', 'snapshots')
    mkdirSync(join(snapshots, 'c'.repeat(40), 'layer_2'), { recursive: true })
    writeFileSync(join(snapshots, 'c'.repeat(40), 'layer_2', 'params.npz'), 'copied, not linked')
    settings = { ...settings, offline: true }
    const notes: string[] = []
    const [path] = await get('hf://some/saes', { onNote: (note) => notes.push(note) })
    expect(path).toBe(join(snapshots, 'c'.repeat(40), 'layer_2'))
    expect(notes).toEqual([expect.stringContaining('newest')])
  })

  it('says where files of one SAE are in several snapshots', async () => {
    const snapshots = join(settings.cache, 'models--some--saes', 'snapshots')
    for (const [name, file] of [
      ['c', 'cfg.json'],
      ['d', 'sae_weights.safetensors'],
    ]) {
      mkdirSync(join(snapshots, name.repeat(40), 'layer_2'), { recursive: true })
      writeFileSync(join(snapshots, name.repeat(40), 'layer_2', file), 'x')
    }
    settings = { ...settings, offline: true }
    await expectFailure(get('hf://some/saes/layer_2'), 'HUB_UNAVAILABLE', 'c'.repeat(40), 'd'.repeat(40))
  })
})

describe('several at once', () => {
  it('give the same files their names', async () => {
    const references = [weights, weights, `${weights}@refs/pr/1`, weights, 'hf://some/saes']
    const paths = await Promise.all(references.map((reference) => get(reference)))
    for (const [path] of paths) expect(readFileSync(join(path, 'sae_weights.safetensors'))).toEqual(big)
    expect(blobs()).toHaveLength(4)
    for (const name of ['main', 'refs/pr/1'])
      expect(readFileSync(join(settings.cache, 'models--some--saes', 'refs', name), 'utf8')).toBe(commit)
  })
})

it.skipIf(process.platform !== 'linux')('says where no cache can be made', async () => {
  settings = { ...settings, cache: '/proc/nothing/hub' }
  await expectFailure(get(weights), 'OUTPUT_FAILED', '/proc/nothing/hub')
})

/** What another client has of the big file. */
function writePart(contents: Buffer): string {
  const place = join(settings.cache, 'models--some--saes', 'blobs')
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, `${sha256(big)}.incomplete`), contents)
  return join(place, `${sha256(big)}.incomplete`)
}

function answer(status: number): Fault {
  return (_request, response) => {
    response.writeHead(status).end()
    return true
  }
}

/** Answers every question for a list of files. */
function tree(entries: object[]): Fault {
  return (request, response) => {
    if (!request.url!.includes('/tree/')) return false
    response.writeHead(200).end(JSON.stringify(entries))
    return true
  }
}

/** Cuts the connection of the big file after so many bytes, where `when` says so. */
function cutAfter(bytes: number, when: () => boolean, thenRefuse = false, onCut = () => {}): Fault {
  return (request, response, server) => {
    if (server !== 'store' || !request.url!.includes(sha256(big))) return false
    if (!when()) {
      if (!thenRefuse) return false
      response.socket!.destroy()
      return true
    }
    const start = Number(/\d+/.exec(request.headers.range ?? '0')![0])
    const range = start > 0 ? { 'content-range': `bytes ${start}-${big.length - 1}/${big.length}` } : {}
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': String(big.length - start), ...range })
    response.write(big.subarray(start, start + bytes), () => {
      setTimeout(() => {
        onCut()
        response.socket?.destroy()
      }, 30)
    })
    return true
  }
}
