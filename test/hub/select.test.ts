import { describe, expect, it } from 'vitest'
import { canonicalL0 } from '../../src/hub/canonical-l0.js'
import { checkpointsIn, placeOf } from '../../src/hub/checkpoints.js'
import { findRelease, releaseOf, releases } from '../../src/hub/releases.js'
import { selectCheckpoints, widthTag } from '../../src/hub/select.js'

const file = (path: string) => ({ path, bytes: 1, sha256: null, blob: 'b'.repeat(40) })
const checkpoints = (...paths: string[]) => checkpointsIn(paths.map(file))
const paths = (...args: Parameters<typeof selectCheckpoints>) => selectCheckpoints(...args).map(({ path }) => path)

/** Average L0s of google/gemma-scope-2b-pt-res at width 16k, layer by layer, and which of them is canonical. */
const scope = [
  [105, 13, 25, 46, 105, 226],
  [102, 10, 20, 40, 102, 250],
  [141, 13, 24, 53, 141, 142, 304],
  [59, 14, 28, 59, 142, 315],
  [124, 17, 31, 60, 124, 125, 281],
  [68, 18, 34, 68, 143, 309],
  [70, 19, 36, 70, 144, 301],
  [69, 20, 36, 69, 137, 285],
  [71, 20, 37, 71, 142, 301],
  [73, 21, 37, 73, 151, 340],
  [77, 21, 39, 77, 166, 395],
  [80, 22, 41, 80, 168, 393],
  [82, 22, 41, 82, 176, 445],
  [84, 23, 43, 83, 84, 173, 403],
  [84, 23, 43, 83, 84, 173, 388],
  [78, 23, 41, 78, 150, 308],
  [78, 23, 42, 78, 154, 335],
  [77, 23, 42, 77, 150, 304],
  [74, 23, 40, 74, 138, 280],
  [73, 23, 40, 73, 137, 279],
  [71, 22, 38, 71, 139, 294],
  [70, 22, 38, 70, 139, 301],
  [72, 21, 38, 72, 147, 349],
  [75, 21, 38, 74, 75, 157, 404],
  [73, 20, 38, 73, 158, 457],
  [116, 16, 28, 55, 116, 285],
]
const scopePath = (layer: number, l0: number, width = '16k') =>
  `layer_${layer}/width_${width}/average_l0_${l0}/params.npz`
const scopeFiles = scope.flatMap(([, ...l0s], layer) => l0s.map((l0) => scopePath(layer, l0)))

describe('selectCheckpoints', () => {
  it('takes the canonical SAE of every layer of Gemma Scope', () => {
    const chosen = selectCheckpoints(
      checkpoints(...scopeFiles, 'embedding/width_4k/average_l0_6/params.npz'),
      { width: '16k' },
      'x',
    )
    expect(chosen.map(({ layer, l0 }) => [layer, Number(l0)])).toEqual(
      scope.map(([canonical], layer) => [layer, canonical]),
    )
  })

  it('takes what is known to be canonical before what is nearest to 100, and the larger of two as near', () => {
    const found = checkpoints(...[18, 33, 64, 136, 306, 613].map((l0) => scopePath(27, l0)))
    expect(selectCheckpoints(found, {}, 'x')).toMatchObject([{ l0: '136' }])
    expect(selectCheckpoints(found, {}, 'x', ({ l0 }) => l0 === '33')).toMatchObject([{ l0: '33' }])
    expect(selectCheckpoints(found, { l0: 'closest:64' }, 'x', ({ l0 }) => l0 === '33')).toMatchObject([{ l0: '64' }])
  })

  it('knows the canonical SAEs of Gemma Scope', () => {
    expect(scope.map((_, layer) => canonicalL0('gemma-scope-2b-pt-res', '16k', layer))).toEqual(
      scope.map(([canonical]) => canonical),
    )
    expect(canonicalL0('gemma-scope-2b-pt-res', '1m', 12)).toBe(107)
    expect(canonicalL0('gemma-scope-2b-pt-res', '1m', 13)).toBeNull()
    expect(canonicalL0('gemma-scope-2b-pt-res', '16k', 26)).toBeNull()
    expect(canonicalL0('nothing', '16k', 0)).toBeNull()
  })

  it('takes the nearest in ratio, the one that is named, or all', () => {
    const found = checkpoints(scopePath(0, 10), scopePath(0, 45), scopePath(0, 100))
    // 25 is 2.5 times 10, 45 is 1.8 times 25
    const l0s = (l0: string | number) => selectCheckpoints(found, { l0 }, 'x').map((checkpoint) => checkpoint.l0)
    expect(l0s('closest:25')).toEqual(['45'])
    expect(l0s('closest:15')).toEqual(['10'])
    expect(l0s(10)).toEqual(['10'])
    expect(l0s('all')).toEqual(['10', '100', '45'])
    expect(() => l0s(11)).toThrow(
      expect.objectContaining({ code: 'SAE_AMBIGUOUS', message: expect.stringContaining('10, 45, 100') }),
    )
    for (const wrong of ['closest:x', '-3', 'closest:'])
      expect(() => l0s(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('chooses among the words of Gemma Scope 2, and asks where nobody says which', () => {
    const folders = ['small', 'medium', 'big'].map((l0) => `resid_post/layer_9_width_16k_l0_${l0}`)
    const found = checkpoints(...folders.flatMap((folder) => [`${folder}/config.json`, `${folder}/params.safetensors`]))
    expect(paths(found, { l0: 'medium' }, 'x')).toEqual([folders[1]])
    expect(() => paths(found, {}, 'x')).toThrow(
      expect.objectContaining({ code: 'SAE_AMBIGUOUS', message: expect.stringContaining('small, medium, big') }),
    )
    expect(paths(found.slice(0, 1), {}, 'x')).toEqual([folders[0]])
  })

  it('asks for a width and takes only layers that are wanted', () => {
    const found = checkpoints(scopePath(0, 100), scopePath(0, 90, '65k'), scopePath(1, 100), scopePath(10, 100))
    expect(() => paths(found, {}, 'x')).toThrow(expect.objectContaining({ code: 'SAE_AMBIGUOUS' }))
    expect(paths(found, { layers: [1, 10] }, 'x')).toHaveLength(2)
    expect(paths(found, { width: 'all' }, 'x')).toHaveLength(4)
    expect(paths(found, { width: 65536 }, 'x')).toEqual(['layer_0/width_65k/average_l0_90'])
    expect(() => paths(found, { layers: [2] }, 'x')).toThrow(
      expect.objectContaining({ code: 'FORMAT_UNKNOWN', message: expect.stringContaining('0, 1, 10') }),
    )
    expect(() => paths([], {}, 'x')).toThrow(expect.objectContaining({ code: 'FORMAT_UNKNOWN' }))
  })
})

describe('widthTag', () => {
  it('is what names spell', () => {
    expect([4096, 16384, '32768', 65536, 131072, 262144, 524288, 1048576, '16K', '1m'].map(widthTag)).toEqual([
      '4k',
      '16k',
      '32k',
      '65k',
      '131k',
      '262k',
      '524k',
      '1m',
      '16k',
      '1m',
    ])
    for (const wrong of ['wide', -1, 0, 1.5, ''])
      expect(() => widthTag(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('checkpointsIn', () => {
  const found = (...all: string[]) =>
    checkpoints(...all).map(({ path, files }) => [path, ...files.slice(1).map((other) => other.path)])

  it('knows the files of every family', () => {
    expect(
      found(
        'blocks.0.hook_resid_pre/cfg.json',
        'blocks.0.hook_resid_pre/sae_weights.safetensors',
        'blocks.0.hook_resid_pre/sparsity.safetensors',
      ),
    ).toEqual([
      ['blocks.0.hook_resid_pre', 'blocks.0.hook_resid_pre/cfg.json', 'blocks.0.hook_resid_pre/sparsity.safetensors'],
    ])
    expect(
      found('config.json', 'layers.3.mlp/cfg.json', 'layers.3.mlp/sae.safetensors', 'layers.30.mlp/cfg.json'),
    ).toEqual([['layers.3.mlp', 'config.json', 'layers.3.mlp/cfg.json']])
    expect(found('L15R-8x/hyperparams.json', 'L15R-8x/checkpoints/final.safetensors')).toEqual([
      ['L15R-8x', 'L15R-8x/hyperparams.json'],
    ])
    expect(found('t_0/ae.pt', 't_0/config.json', 't_0/checkpoints/ae_100.pt')).toEqual([['t_0', 't_0/config.json']])
    expect(found('config.json', 'layer0.sae.pt', 'layer1.sae.pt')).toEqual([
      ['layer0.sae.pt', 'config.json'],
      ['layer1.sae.pt', 'config.json'],
    ])
    expect(found('a_L0_v9.pt', 'a_L0_v9_cfg.json', 'a_L1_v9.pt', 'a_L1_v9_cfg.json')).toEqual([
      ['a_L0_v9.pt', 'a_L0_v9_cfg.json'],
      ['a_L1_v9.pt', 'a_L1_v9_cfg.json'],
    ])
  })

  it.each([
    ['layer_20/width_16k/average_l0_71/params.npz', 20, '16k', '71'],
    ['resid_post_all/layer_9_width_262k_l0_small/params.safetensors', 9, '262k', 'small'],
    ['blocks.11.hook_resid_pre/sae_weights.safetensors', 11, null, null],
    ['gemma_2b_blocks.12.hook_resid_post_16384_anthropic/sae_weights.safetensors', 12, null, null],
    ['v5_32k_layer_7.pt/sae_weights.safetensors', 7, null, null],
    ['Llama3_1-8B-Base-L15R-8x/checkpoints/final.safetensors', 15, null, null],
    ['800M-Slimpajama-0-OpenR1-Math-220k/L3R/sae_weights.safetensors', 3, null, null],
    ['layers.23.mlp/sae.safetensors', 23, null, null],
    ['layer12.sae.pt', 12, null, null],
    ['crosscoder/layer_5_9_12_15_width_262k_l0_big/params_layer_2.safetensors', 12, '262k', 'big'],
    ['clt/width_262k_l0_big_affine/params_layer_2.safetensors', 2, '262k', 'big'],
    ['resid_post_layer_3/trainer_1/ae.pt', 3, null, null],
    ['gpt2-small_L0_Hcat_z.pt', 0, null, null],
    ['2-res-sm/sae_weights.safetensors', 2, null, null],
    ['embedding/width_4k/average_l0_6/params.npz', null, '4k', '6'],
  ])('reads the place of %s', (path, layer, width, l0) => {
    expect(placeOf(path)).toEqual({ layer, width, l0 })
  })
})

describe('releases', () => {
  it('have names and places of their own', () => {
    expect(new Set(releases.map(({ name }) => name)).size).toBe(releases.length)
    expect(new Set(releases.map(({ repository, folder }) => `${repository}/${folder}`)).size).toBe(releases.length)
  })

  it('are found by name and by file', () => {
    expect(findRelease('gemma-scope-2b-pt-res')).toMatchObject({ repository: 'google/gemma-scope-2b-pt-res' })
    expect(findRelease('gemma-scope-9b-it-res-canonical')).toMatchObject({
      neuronpedia: 'gemma-2-9b-it/gemmascope-res-{width}',
    })
    expect(findRelease('llama_scope_lxr_8x')).toMatchObject({ repository: 'fnlp/Llama3_1-8B-Base-LXR-8x' })
    expect(findRelease('qwen-scope-3-8b-base-w64k-l100')).toMatchObject({
      repository: 'Qwen/SAE-Res-Qwen3-8B-Base-W64K-L0_100',
    })
    expect(releaseOf('fnlp/Llama-Scope-R1-Distill', '0-Slimpajama-800M-OpenR1-Math-220k/L3R')).toMatchObject({
      neuronpedia: 'deepseek-r1-distill-llama-8b/llamascope-openr1-res-32k',
    })
    expect(findRelease('nothing')).toBeUndefined()
    expect(releaseOf('google/gemma-scope-2-4b-pt', 'resid_post_all/layer_9_width_16k_l0_small')?.name).toBe(
      'gemma-scope-2-4b-pt-res-all',
    )
    expect(releaseOf('google/gemma-scope-2-4b-pt', 'resid_post')?.name).toBe('gemma-scope-2-4b-pt-res')
    expect(releaseOf('nobody/nothing', '')).toBeUndefined()
  })
})
