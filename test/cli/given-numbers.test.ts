import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeNpy } from '../../src/output/npy.js'
import { encodeSafetensors } from '../helpers/checkpoint-files.js'
import { writeLayer } from '../helpers/layers.js'
import { mulberry32 } from '../helpers/random.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { normals } from '../helpers/synthetic-sae.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const [features, dimension] = [30, 6]
const run = (...args: string[]) => runCommandLine(args, {}, folder)
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json', '-q')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}
const save = (name: string, numbers: Float32Array | Float64Array | Int32Array, shape: number[]) =>
  writeFileSync(join(folder, name), encodeNpy(numbers, shape))
const hash = /^[0-9a-f]{64}$/
const record = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'))

beforeAll(() => {
  for (const layer of [1, 2]) writeLayer(join(folder, 'saes', `layer_${layer}`), { layer, features, dimension })
  const random = mulberry32(9)
  for (const name of ['a.npy', 'b.npy']) {
    const scale = Float32Array.from({ length: features }, (_, i) => (i === 3 ? 0 : 1 + random()))
    save(name, scale, [features])
  }
  save('r.npy', normals(random, dimension ** 2), [dimension, dimension])
  save('square.npy', new Float32Array(4), [2, 2])
  const sparsity = { data: Float32Array.from({ length: features }, (_, i) => (i < 4 ? -10 : -2)), shape: [features] }
  writeFileSync(join(folder, 'sparsity.safetensors'), encodeSafetensors({ sparsity }))
  const lines = Array.from({ length: features }, (_, index) => ({
    index: String(index),
    frac_nonzero: index === 7 ? 0 : 0.1,
    maxActApprox: index === 7 ? 0 : 1 + index,
  }))
  writeFileSync(join(folder, 'features.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  save(
    'maxima.npy',
    Float64Array.from(lines, ({ maxActApprox }) => maxActApprox),
    [features],
  )
  save('integers.npy', Int32Array.of(1, 2), [2])
})

describe('numbers of the user', () => {
  it('scales take the place of thresholds; 0 leaves a feature out', async () => {
    const { out, pairs } = await json('match', 'saes/layer_1', 'saes/layer_2', '--scales', 'a.npy,b.npy')
    expect(pairs[0].matched).toBe(features - 1)
    expect(record(pairs[0].file).options).toMatchObject({
      scale: 'stat',
      scales: [1, 2].map(() => expect.stringMatching(hash)),
    })
    const swapped = await json('match', 'saes/layer_1', 'saes/layer_2', '--scales', 'b.npy,a.npy')
    expect(swapped.pairs[0].file).not.toBe(pairs[0].file)
    const text = await run('match', 'saes/layer_1', 'saes/layer_2', '--scales', 'a.npy,b.npy')
    expect(text.stdout).toContain('scaled match')
    const { rows } = await json('figures', 'objective', out)
    expect(new Set(rows.map(({ objective }: { objective: string }) => objective))).toEqual(new Set(['scaled']))
  })

  it('scales are the largest activations of exports of Neuronpedia, as if they were given one by one', async () => {
    const [exported, given] = [
      await json('match', 'saes/layer_1', 'saes/layer_2', '--scales', 'features.jsonl,features.jsonl'),
      await json('match', 'saes/layer_1', 'saes/layer_2', '--scales', 'maxima.npy,maxima.npy'),
    ]
    expect(exported.pairs[0].matched).toBe(features - 1)
    expect(exported.pairs[0].file).toBe(given.pairs[0].file)
  })

  it('features that never fire are left out, of either SAE', async () => {
    const args = ['match', 'saes/layer_1', 'saes/layer_2', '--scale', 'unit', '--dead']
    const one = await run(...args, 'sparsity.safetensors,-', '--json', '-q', '--out', 'dead')
    const { pairs } = JSON.parse(one.stdout)
    expect(pairs[0].matched).toBe(features - 4)
    expect(record(pairs[0].file).warnings).toContainEqual(
      expect.stringContaining('layer_1: 4 dead features are left out.'),
    )
    expect(record(pairs[0].file).options.dead).toEqual([expect.stringMatching(hash), expect.stringMatching(hash)])
    const both = await json(...args, 'sparsity.safetensors,features.jsonl', '--out', 'dead')
    expect(both.pairs[0].matched).toBe(features - 4)
    expect(both.pairs[0].file).not.toBe(pairs[0].file)
    const { rows } = await json('figures', 'objective', 'dead')
    expect(rows[0].objective).toBe('cosine, without the dead')
    const near = await json('nearest', 'saes/layer_1', 'saes/layer_2', '--dead', '-,features.jsonl')
    expect(near.warnings).toContainEqual(expect.stringContaining('layer_2: 1 dead feature is left out.'))
  })

  it('an alignment moves the features of A', async () => {
    const [own, moved] = [
      await json('match', 'saes/layer_1', 'saes/layer_2', '--out', 'moved'),
      await json('match', 'saes/layer_1', 'saes/layer_2', '--align', 'r.npy', '--out', 'moved'),
    ]
    expect(moved.pairs[0].cost).not.toBe(own.pairs[0].cost)
    expect(record(moved.pairs[0].file).options.alignment).toMatch(hash)
    expect(record(own.pairs[0].file).options).not.toHaveProperty('alignment')
    const { rows } = await json('figures', 'costs', 'moved')
    expect(rows.map(({ objective }: { objective: string }) => objective).sort()).toEqual(['folded', 'folded, aligned'])
    const refused = await run('figures', 'composition', 'moved', '--options-of', moved.pairs[0].file.slice(-13, -5))
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--align') })

    const [near, far] = [
      await json('nearest', 'saes/layer_1', 'saes/layer_2'),
      await json('nearest', 'saes/layer_1', 'saes/layer_2', '--align', 'r.npy', '--scales', 'a.npy,b.npy'),
    ]
    expect(far.aToB.meanCosineDecoder).not.toBe(near.aToB.meanCosineDecoder)
  })

  it.each([
    ['--scales', 'a.npy', 2, 'Expected two paths A,B for --scales, got a.npy'],
    ['--scales', 'r.npy,b.npy', 1, 'r.npy: expected shape [features], found [6, 6]'],
    ['--scales', 'integers.npy,b.npy', 1, 'integers.npy: expected floats, found i32'],
    ['--scales', 'missing.npy,b.npy', 1, 'missing.npy'],
    ['--dead', 'sparsity.safetensors', 2, 'Expected two paths A,B for --dead, got sparsity.safetensors'],
    ['--dead', 'nowhere,-', 1, 'nowhere'],
    ['--align', 'a.npy', 1, 'a.npy: expected shape [d, d], found [30]'],
    ['--align', 'square.npy', 1, 'expected activations of width 2 as the alignment has, found 6'],
  ])('%s %s is refused', async (option, value, code, message) => {
    const found = await run('match', 'saes/layer_1', 'saes/layer_2', option, value, '--out', 'refused')
    expect(found).toMatchObject({ code, stderr: expect.stringContaining(message) })
  })

  it('--scale and --scales exclude each other', async () => {
    const found = await run('nearest', 'saes/layer_1', 'saes/layer_2', '--scale', 'unit', '--scales', 'a.npy,b.npy')
    expect(found).toMatchObject({ code: 2, stderr: expect.stringContaining('--scale and --scales') })
  })
})
