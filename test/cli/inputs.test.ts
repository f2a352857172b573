import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sha256, startHub } from '../helpers/hub-server.js'
import { gemmaScopeFile } from '../helpers/npz-files.js'
import { finished, runCommandLine, spawnCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const commit = 'e'.repeat(40)
const name = 'google/gemma-scope-2b-pt-res'
const layers = [19, 20, 21]
const files = Object.fromEntries(
  layers.flatMap((layer) => [
    [`layer_${layer}/width_16k/average_l0_70/params.npz`, gemmaScopeFile(layer, 12, 4)],
    [`layer_${layer}/width_16k/average_l0_20/params.npz`, gemmaScopeFile(100 + layer, 12, 4)],
    [`layer_${layer}/width_65k/average_l0_70/params.npz`, gemmaScopeFile(200 + layer, 24, 4)],
  ]),
)
const hub = await startHub([{ name, commit, files }])
const folder = temporaryFolder()
const environment = {
  HF_ENDPOINT: hub.endpoint,
  HF_HUB_CACHE: join(folder, 'cache'),
  HF_TOKEN: 'hf_secret',
  HF_HUB_OFFLINE: '',
}
const run = (...args: string[]) => runCommandLine(args, environment, folder)

afterEach(() => {
  hub.state.fault = null
})

describe('inputs on the hub', () => {
  it('are matched by their references', async () => {
    const [a, b] = [19, 20].map((layer) => `hf://${name}/layer_${layer}`)
    const { code, stdout, stderr } = await run('match', a, b, '--width', '16k', '--json')
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('Downloading 1 file') })
    expect(JSON.parse(stdout).pairs).toMatchObject([{ a: 'layer_19', b: 'layer_20', layerA: 19, n: 12 }])
    const record = JSON.parse(readFileSync(join(folder, JSON.parse(stdout).pairs[0].file), 'utf8'))
    expect(record.a.hub).toBe(`hf://${name}@${commit}/layer_19/width_16k/average_l0_70`)
    expect(record.a).toMatchObject({
      model: 'google/gemma-2-2b',
      files: [{ sha256: sha256(files['layer_19/width_16k/average_l0_70/params.npz']) }],
    })
  })

  it('are matched layer by layer of a release', async () => {
    const { code, stdout } = await run(
      'pairs',
      '--from',
      'gemma-scope-2b-pt-res',
      '--width',
      '16k',
      '--l0',
      'closest:25',
      '--out',
      'release',
      '--json',
      '-q',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout).pairs).toMatchObject([
      { a: 'layer_19', b: 'layer_20' },
      { a: 'layer_20', b: 'layer_21' },
    ])
    const manifest = JSON.parse(readFileSync(join(folder, 'release', 'run.json'), 'utf8'))
    expect(manifest.inputs.map(({ hub }: { hub: string }) => hub)).toEqual(
      layers.map((layer) => `hf://${name}@${commit}/layer_${layer}/width_16k/average_l0_20`),
    )
  })

  it('are inspected, and compared with nearest, evaluate and a list of pairs too', async () => {
    const inspected = await run('inspect', 'layer_19', '--from', 'gemma-scope-2b-pt-res', '--width', '65k', '--json')
    expect(JSON.parse(inspected.stdout)).toMatchObject({ features: 24, layer: 19 })
    const nearest = await run(
      'nearest',
      'layer_19',
      'layer_20',
      '--from',
      `hf://${name}@${commit}`,
      '--width',
      '16k',
      '--json',
      '-q',
    )
    expect(JSON.parse(nearest.stdout)).toMatchObject({ n: 12, m: 12 })
    const evaluated = await run(
      'evaluate',
      '--a',
      'layer_19',
      '--b',
      'layer_20',
      '--from',
      'gemma-scope-2b-pt-res',
      '--width',
      '16k',
      '--activations',
      'nowhere',
      '-q',
    )
    expect(evaluated.stderr).toMatch(/FILE_NOT_FOUND/)
    expect(evaluated.stderr).toMatch(/nowhere/)
  })

  it('are read without the hub once they are there', async () => {
    const offline = { ...environment, HF_HUB_OFFLINE: '1' }
    const before = hub.log.length
    const args = [
      'match',
      'layer_19',
      'layer_20',
      '--from',
      'gemma-scope-2b-pt-res',
      '--width',
      '16k',
      '--l0',
      '70',
      '--json',
      '-q',
    ]
    const { code, stdout } = await runCommandLine(args, offline, folder)
    expect({ code, pairs: JSON.parse(stdout).pairs.length, requests: hub.log.length - before }).toEqual({
      code: 0,
      pairs: 1,
      requests: 0,
    })
  })

  it('leave no half file when the command is interrupted', async () => {
    const contents = files['layer_21/width_65k/average_l0_70/params.npz']
    const child = spawnCommandLine(['inspect', `hf://${name}/layer_21`, '--width', '65k'], environment, folder)
    hub.state.fault = (_request, response, server) => {
      if (server !== 'store') return false
      response.writeHead(200, { 'content-length': String(contents.length) })
      response.write(contents.subarray(0, 500), () => setTimeout(() => child.kill('SIGINT'), 200))
      return true
    }
    const { code } = await finished(child)
    expect(code).toBe(130)
    const repository = join(folder, 'cache', 'models--google--gemma-scope-2b-pt-res')
    const left = readdirSync(join(repository, 'blobs')).filter((blob) => blob.startsWith(sha256(contents)))
    expect(left).toEqual([expect.stringMatching(/\.sae-match\.incomplete$/)])
    // free for the next command at once
    expect(statSync(join(repository, 'blobs', left[0])).mtimeMs).toBe(0)
    expect(
      existsSync(join(repository, 'snapshots', commit, 'layer_21', 'width_65k', 'average_l0_70', 'params.npz')),
    ).toBe(false)
  })

  it('are asked for in words that lead on', async () => {
    const misspelt = await run('pairs', '--from', 'gemma-scope-2b-pt-rs')
    expect(misspelt).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean gemma-scope-2b-pt-res?') })
    const open = await run('match', 'layer_19', 'layer_20', '--from', 'gemma-scope-2b-pt-res')
    expect(open).toMatchObject({ code: 1, stderr: expect.stringMatching(/16k, 65k.*SAE_AMBIGUOUS[\s\S]*--width/) })
    const many = await run('inspect', `hf://${name}`, '--width', '16k')
    expect(many).toMatchObject({ code: 1, stderr: expect.stringMatching(/expected one SAE.*SAE_AMBIGUOUS/) })
    expect(await run('inspect', 'here', '--width', '16k')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--from'),
    })
    expect(await run('pairs')).toMatchObject({ code: 2, stderr: expect.stringContaining('--from') })
    expect(await run('inspect', '../secret', '--from', 'gemma-scope-2b-pt-res')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('INVALID_ARGUMENT'),
    })
    expect(await run('pairs', '--from', 'gemma-scope-2b-pt-res', '--layers', '5-2')).toMatchObject({ code: 2 })
  })
})
