import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseReference } from '../../src/hub/reference.js'
import { resolveReference } from '../../src/hub/resolve.js'
import { gitHash, sha256, startHub } from '../helpers/hub-server.js'
import { gemmaScopeFile } from '../helpers/npz-files.js'
import { hasModule, python } from '../helpers/python.js'
import { finished } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const commit = '0123456789abcdef0123456789abcdef01234567'
const weights = gemmaScopeFile(5)
const files = {
  'layer_3/width_16k/average_l0_59/params.npz': weights,
  'layer_3/width_16k/average_l0_59/config.json': Buffer.from('{}'),
}
const repository = 'google/gemma-scope-2b-pt-res'
const isThere = hasModule('huggingface_hub')
const needsClient = isThere ? '' : ' (skipped: no huggingface_hub for Python)'

describe.skipIf(!isThere)(`beside huggingface_hub for Python${needsClient}`, async () => {
  const hub = isThere ? await startHub([{ name: repository, commit, files }]) : null
  const folder = temporaryFolder()
  const environment = (cache: string, more: Record<string, string> = {}) => ({
    ...{ PATH: process.env.PATH, HOME: folder, HF_HOME: folder, HF_HUB_CACHE: cache, HF_ENDPOINT: hub!.endpoint },
    ...{ HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_XET: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1', ...more },
  })
  const runPython = async (script: string, cache: string, more: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await finished(spawn(python!, ['-c', script], { env: environment(cache, more) }))
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const resolve = (cache: string, offline: boolean) =>
    resolveReference(
      parseReference(`hf://${repository}`),
      {},
      { endpoint: hub!.endpoint, token: null, offline, cache, retryDelay: 1 },
    )
  const theirs = join(folder, 'theirs')
  const ours = join(folder, 'ours')

  beforeAll(async () => {
    hub!.log.length = 0
    await runPython(`import huggingface_hub as h; h.snapshot_download('${repository}', revision='main')`, theirs)
    await resolve(ours, false)
  }, 120_000)

  it('reads a cache that it made, offline', async () => {
    const [path] = await resolve(theirs, true)
    expect(path).toBe(
      join(
        theirs,
        'models--google--gemma-scope-2b-pt-res',
        'snapshots',
        commit,
        'layer_3',
        'width_16k',
        'average_l0_59',
      ),
    )
    expect(readFileSync(join(path, 'params.npz'))).toEqual(weights)
  })

  it('downloads nothing that it has', async () => {
    hub!.log.length = 0
    await resolve(theirs, false)
    expect(hub!.log.filter(({ url }) => url.includes('/resolve/') || url.startsWith(`/${sha256(weights)}`))).toEqual([])
  })

  it('makes a cache that it reads, offline and without downloading', async () => {
    const script = `
import huggingface_hub as h, json
name = '${repository}'
file = 'layer_3/width_16k/average_l0_59/params.npz'
print(json.dumps([h.try_to_load_from_cache(name, file), h.hf_hub_download(name, file, local_files_only=True),
  h.snapshot_download(name, local_files_only=True)]))`
    const [found, file, snapshot] = JSON.parse(await runPython(script, ours, { HF_HUB_OFFLINE: '1' }))
    expect(found).toBe(file)
    expect(file).toBe(join(snapshot, 'layer_3/width_16k/average_l0_59/params.npz'))
    expect(readFileSync(file)).toEqual(weights)
    hub!.log.length = 0
    await runPython(
      `import huggingface_hub as h; h.hf_hub_download('${repository}', 'layer_3/width_16k/average_l0_59/params.npz')`,
      ours,
    )
    expect(hub!.log.filter(({ method, url }) => method === 'GET' && url.includes(sha256(weights)))).toEqual([])
  })

  it('makes a cache that it finds in order', async () => {
    const script = `
import huggingface_hub as h, json
info = h.scan_cache_dir()
[repo] = info.repos
[revision] = repo.revisions
print(json.dumps([len(info.warnings), repo.repo_id, revision.commit_hash, sorted(revision.refs), repo.size_on_disk, repo.nb_files]))`
    const found = JSON.parse(await runPython(script, ours))
    expect(found).toEqual([0, repository, commit, ['main'], weights.length + 2, 2])
    const blobs = join(ours, 'models--google--gemma-scope-2b-pt-res', 'blobs')
    for (const name of [sha256(weights), gitHash(Buffer.from('{}'))]) expect(existsSync(join(blobs, name))).toBe(true)
  })
})
