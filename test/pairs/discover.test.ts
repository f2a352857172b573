import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { encodeNpz } from '../../src/output/npz.js'
import { discoverSaes } from '../../src/pairs/discover.js'
import { expectFailure } from '../helpers/errors.js'
import { writeLayer } from '../helpers/layers.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { encodeTorch } from '../helpers/torch-files.js'

const root = temporaryFolder()
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
})

const found = async (...paths: string[]) => (await discoverSaes(paths)).map(({ path }) => path)

/** A Gemma Scope file of 3 features of width 2. */
const gemma = () =>
  encodeNpz({
    W_enc: { data: new Float32Array(6), shape: [2, 3] },
    W_dec: { data: new Float32Array(6), shape: [3, 2] },
    b_enc: new Float32Array(3),
    b_dec: new Float32Array(2),
    threshold: new Float32Array(3),
  })

describe('discoverSaes', () => {
  it('finds folders and single files, in the order of site, layer, size and path', async () => {
    const write = (name: string, spec: Parameters<typeof writeLayer>[1]) => writeLayer(join(folder, name), spec)
    const [tenth, wide, second, other] = [
      write('a/layer_10', { layer: 10 }),
      write('b/wide', { layer: 2, features: 20 }),
      write('z/layer_2', { layer: 2 }),
      write('m', { layer: 1, hook: 'hook_mlp_out' }),
    ]
    mkdirSync(join(folder, 'gemma', 'layer_4'), { recursive: true })
    const file = join(folder, 'gemma', 'layer_4', 'four.npz')
    writeFileSync(file, gemma())
    expect(await found(folder)).toEqual([other, second, wide, tenth, file])
    const saes = await discoverSaes([folder])
    expect(saes.map(({ layer }) => layer)).toEqual([1, 2, 2, 10, 4])
    expect(saes[2].header).toEqual({
      files: [join(wide, 'cfg.json'), join(wide, 'sae_weights.safetensors')],
      site: 'residual',
      features: 20,
      dimension: 4,
    })
    expect(saes[4].header).toEqual({ files: [file], site: 'unknown', features: 3, dimension: 2 })
  })

  it('finds each once, whatever leads to it, and passes over hidden folders and other archives', async () => {
    const path = writeLayer(join(folder, 'layer_1'), { layer: 1 })
    writeLayer(join(folder, '.hidden', 'layer_2'), { layer: 2 })
    symlinkSync(folder, join(folder, 'up'))
    writeFileSync(join(folder, 'activations.npz'), encodeNpz({ x: new Float32Array(3) }))
    expect(await found(folder, path, join(folder, 'up'))).toEqual([path])
  })

  it('keeps one whose header is damaged, at the layer that its path says', async () => {
    const [first, second, third] = [1, 2, 3].map((layer) => writeLayer(join(folder, `layer_${layer}`), { layer }))
    writeFileSync(join(second, 'cfg.json'), '{')
    const saes = await discoverSaes([folder])
    expect(saes.map(({ path }) => path)).toEqual([first, second, third])
    expect(saes[1]).toMatchObject({ layer: 2, header: null, error: { code: 'FORMAT_INVALID' } })
  })

  it('reads no tensor: weights that are cut short are found later', async () => {
    const path = writeLayer(join(folder, 'layer_1'), { layer: 1 })
    truncateSync(join(path, 'sae_weights.safetensors'), 20)
    expect((await discoverSaes([folder]))[0]).toMatchObject({ layer: 1, error: null })
  })

  it('takes the sizes from the weights where the configuration does not have them', async () => {
    const path = writeLayer(join(folder, 'layer_1'), { layer: 1, features: 7, dimension: 5 })
    writeFileSync(join(path, 'cfg.json'), JSON.stringify({ architecture: 'jumprelu' }))
    expect((await discoverSaes([path]))[0].header).toMatchObject({ features: 7, dimension: 5 })
  })

  it('takes the states that training left beside an SAE only where they are named', async () => {
    const zeros = (...shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b)), shape })
    const state = encodeTorch({
      'encoder.weight': zeros(3, 2),
      'encoder.bias': zeros(3),
      'decoder.weight': zeros(2, 3),
      bias: zeros(2),
    })
    const path = join(folder, 'resid_post_layer_4', 'trainer_0')
    mkdirSync(join(path, 'checkpoints'), { recursive: true })
    writeFileSync(join(path, 'config.json'), '{}')
    writeFileSync(join(path, 'ae.pt'), state)
    const left = join(path, 'checkpoints', 'ae_100.pt')
    writeFileSync(left, state)
    expect(await found(folder)).toEqual([path])
    expect(await found(left)).toEqual([left])
    expect(await found(join(path, 'checkpoints'))).toEqual([left])
  })

  it('says where there is nothing', async () => {
    const path = writeLayer(join(folder, 'some', 'layer_1'), { layer: 1 })
    mkdirSync(join(folder, 'empty'))
    await expectFailure(discoverSaes([path, join(folder, 'empty')]), 'FORMAT_UNKNOWN', join(folder, 'empty'))
    await expectFailure(discoverSaes([join(folder, 'nowhere')]), 'FILE_NOT_FOUND', 'nowhere')
    copyFileSync(join(path, 'cfg.json'), join(folder, 'notes.txt'))
    await expectFailure(discoverSaes([join(folder, 'notes.txt')]), 'FORMAT_UNKNOWN', 'notes.txt')
    await expectFailure(discoverSaes([folder], { format: 'torch' }), 'INVALID_ARGUMENT', "'sae-lens'")
    await expectFailure(discoverSaes([folder], { format: 'gemma-scope' }), 'FORMAT_UNKNOWN', folder)
  })

  it('stops when told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(discoverSaes([folder], { signal })).rejects.toThrow('enough')
  })

  it.skipIf(sharedData === null)(`finds the real ones${needsSharedData}`, async () => {
    const saes = await discoverSaes([sharedData!])
    expect(saes).toHaveLength(14)
    expect(saes.every(({ error }) => error === null)).toBe(true)
    expect(saes.filter(({ header }) => header?.features === 4096).map(({ layer }) => layer)).toEqual([
      ...[10, 11, 12, 12, 13, 14, 15],
      // a Gemma Scope path outside of its repository says no site
      12,
    ])
  })
})
