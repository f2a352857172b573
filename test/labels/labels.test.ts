import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readExplanations } from '../../src/labels/explanations.js'
import { deadFeatures, maximumScale, readFeatureStatistics } from '../../src/labels/feature-statistics.js'
import { neuronpediaFeature, neuronpediaSource, neuronpediaUrl } from '../../src/labels/neuronpedia.js'
import { loadSae } from '../../src/matching/load.js'
import { match } from '../../src/matching/match.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { writeLayer } from '../helpers/layers.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const lines = (...values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')
const write = (name: string, contents: string | Uint8Array) => {
  writeFileSync(join(folder, name), contents)
  return join(folder, name)
}

describe('neuronpediaSource', () => {
  const scope = (repository: string, path: string) => `hf://google/${repository}@${'a'.repeat(40)}/${path}`
  it.each([
    [scope('gemma-scope-2b-pt-res', 'layer_20/width_16k/average_l0_71'), 20, 16384, 'gemma-2-2b/20-gemmascope-res-16k'],
    [
      scope('gemma-scope-2b-pt-res', 'layer_20/width_16k/average_l0_139'),
      20,
      16384,
      'gemma-2-2b/20-gemmascope-res-16k__l0-139',
    ],
    [scope('gemma-scope-2b-pt-res', 'layer_5/width_1m/average_l0_114'), 5, 2 ** 20, 'gemma-2-2b/5-gemmascope-res-1m'],
    [
      scope('gemma-scope-9b-it-res', 'layer_9/width_131k/average_l0_121'),
      9,
      131072,
      'gemma-2-9b-it/9-gemmascope-res-131k',
    ],
    [
      scope('gemma-scope-2-27b-it', 'resid_post/layer_16_width_16k_l0_medium'),
      16,
      16384,
      'gemma-3-27b-it/16-gemmascope-2-res-16k',
    ],
    ['hf://fnlp/Llama3_1-8B-Base-LXR-8x/Llama3_1-8B-Base-L15R-8x', 15, 32768, 'llama3.1-8b/15-llamascope-res-32k'],
    ['hf://jbloom/GPT2-Small-SAEs-Reformatted/blocks.3.hook_resid_pre', 3, 24576, 'gpt2-small/3-res-jb'],
    ['hf://nobody/nothing/layer_3', 3, 10, null],
    // several L0s, and nobody has said which is shown
    [scope('gemma-scope-2b-pt-transcoders', 'layer_5/width_16k/average_l0_87'), 5, 16384, null],
  ])('%s', (hub, layer, features, source) => {
    expect(neuronpediaSource({ hub, path: 'x', layer, features })).toBe(source)
  })

  it('knows folders that are called as a release', () => {
    const path = '/data/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz'
    expect(neuronpediaSource({ path, layer: 20, features: 16384 })).toBe('gemma-2-2b/20-gemmascope-res-16k')
    expect(neuronpediaSource({ path, layer: null, features: 16384 })).toBeNull()
    expect(neuronpediaSource({ path: '/data/saes/layer_20', layer: 20, features: 16384 })).toBeNull()
  })

  it('makes pages', () => {
    const id = neuronpediaFeature('gemma-2-2b/20-gemmascope-res-16k', 442)
    expect(neuronpediaUrl(id)).toBe('https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/442')
    expect(neuronpediaUrl('a b/"><script>/1')).toBe('https://www.neuronpedia.org/a%20b/%22%3E%3Cscript%3E/1')
  })
})

describe('readExplanations', () => {
  const row = (index: string | number, description: string, layer = '20-gemmascope-res-16k') => ({
    modelId: 'gemma-2-2b',
    layer,
    index,
    description,
  })

  it('goes by index, in any order, over the files of a folder', async () => {
    mkdirSync(join(folder, 'explanations'))
    // ordered as text, as the exports are
    write('explanations/batch-0.jsonl.gz', gzipSync(lines(row('0', 'dogs'), row('1', 'cats'), row('10', 'birds'))))
    write(
      'explanations/batch-1.jsonl.gz',
      gzipSync(lines(row('2', 'fish'), row('1', 'felines'), row('1', 'cats'), row('3', ' '))),
    )
    write('explanations/notes.txt', 'not one of them')
    const { source, byFeature } = await readExplanations(join(folder, 'explanations'))
    expect(source).toBe('gemma-2-2b/20-gemmascope-res-16k')
    expect([...byFeature].sort(([a], [b]) => a - b)).toEqual([
      [0, 'dogs'],
      [1, 'cats; felines'],
      [2, 'fish'],
      [10, 'birds'],
    ])
  })

  it('reads plain lines, also without the last line feed, and long ones', async () => {
    const long = 'x'.repeat(1e6)
    const path = write('own.jsonl', `{"index":7,"description":"é ${long}"}\n\n{"index":8,"description":"b"}`)
    const { source, byFeature } = await readExplanations(path)
    expect({ source, sizes: [...byFeature.values()].map((text) => text.length) }).toEqual({
      source: null,
      sizes: [1_000_002, 1],
    })
  })

  it('refuses descriptions of another SAE', async () => {
    const path = write('mixed.jsonl', lines(row(0, 'a'), row(1, 'b', '21-gemmascope-res-16k')))
    await expectFailure(readExplanations(path), 'FORMAT_INVALID', 'mixed.jsonl:2', '21-gemmascope-res-16k')
    await expectFailure(
      readExplanations(path, { expected: 'gemma-2-2b/19-gemmascope-res-16k' }),
      'FORMAT_INVALID',
      'mixed.jsonl:1',
    )
  })

  it('refuses descriptions of features that the SAE has not', async () => {
    const path = write('wider.jsonl', lines(row(0, 'a'), row(99, 'b'), row(100, 'c')))
    expect((await readExplanations(path, { features: 101 })).byFeature.size).toBe(3)
    await expectFailure(readExplanations(path, { features: 100 }), 'FORMAT_INVALID', 'wider.jsonl:3', 'below 100')
  })

  it.each([
    ['{"index": 1, "description": "a"\n', ':1'],
    ['{"index": 1, "description": "a"}\n[]\n', ':2'],
    ['{"index": "1e3", "description": "a"}\n', '1e3'],
    ['{"index": -1, "description": "a"}\n', '-1'],
    ['{"index": "__proto__", "description": "a"}\n', '__proto__'],
  ])('refuses %j', async (text, part) => {
    await expectFailure(readExplanations(write('bad.jsonl', text)), 'FORMAT_INVALID', part)
  })

  it('refuses what is no gzip, is cut short, or is not there', async () => {
    await expectFailure(readExplanations(write('bad.jsonl.gz', 'no gzip')), 'FORMAT_INVALID')
    const whole = gzipSync(lines(row(0, 'a')))
    await expectFailure(readExplanations(write('cut.jsonl.gz', whole.subarray(0, -12))), 'FORMAT_INVALID')
    await expectFailure(readExplanations(join(folder, 'nothing.jsonl.gz')), 'FILE_NOT_FOUND')
    await expectFailure(readExplanations(join(folder, 'nothing')), 'FILE_NOT_FOUND')
    mkdirSync(join(folder, 'empty'))
    await expectFailure(readExplanations(join(folder, 'empty')), 'FORMAT_INVALID')
  })
})

describe('readFeatureStatistics', () => {
  it('reads exports of Neuronpedia: dead features, and scales that leave them out of a match', async () => {
    const path = write(
      'features.jsonl',
      lines(
        { index: '2', frac_nonzero: 0.25, maxActApprox: 8 },
        { index: '0', frac_nonzero: 0, maxActApprox: 0 },
        { index: '11', frac_nonzero: 0.5, maxActApprox: 2 },
      ),
    )
    const statistics = await readFeatureStatistics(path, 12)
    expect(Array.from(deadFeatures(statistics).subarray(0, 3))).toEqual([1, 0, 0])
    expect(Array.from(deadFeatures(statistics, 0.3).subarray(0, 3))).toEqual([1, 0, 1])
    expect(Array.from(maximumScale(statistics))).toEqual([0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2])

    const [a, b] = [
      await loadSae(writeLayer(join(folder, 'layer_1'), { layer: 1 })),
      await loadSae(writeLayer(join(folder, 'layer_2'), { layer: 2 })),
    ]
    const everything = new Float32Array(12).fill(1)
    const found = await match(a, b, { scale: { stat: [maximumScale(statistics), everything] }, backend: 'typescript' })
    expect(Array.from(found.aToB.keys()).filter((i) => found.aToB[i] >= 0)).toEqual([2, 11])
    await expectFailure(readFeatureStatistics(path, 11), 'FORMAT_INVALID', 'below 11')
  })

  it('reads the sparsity of SAELens', async () => {
    const sparsity = { data: Float32Array.of(-1, -10, -2), shape: [3] }
    const path = write('sparsity.safetensors', encodeSafetensors({ sparsity }))
    const statistics = await readFeatureStatistics(path, 3)
    expect(Array.from(statistics.firingRate)).toEqual([0.1, 1e-10, 0.01])
    expect(Array.from(deadFeatures(statistics))).toEqual([0, 1, 0])
    await expectFailure(readFeatureStatistics(path, 4), 'TENSOR_SHAPE')
    await expectFailure(
      readFeatureStatistics(write('other.safetensors', encodeSafetensors({ other: sparsity })), 3),
      'TENSOR_MISSING',
    )
  })
})
