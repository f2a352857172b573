import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readRun } from '../../src/runs/read-run.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { neighbours, unrelatedLayers, writeRun } from './run-files.js'

const folder = temporaryFolder()
const [ten, eleven, unnumbered] = unrelatedLayers(41, [12, 15, 9], [10, 11, null])

describe('readRun', () => {
  beforeAll(() => writeRun(join(folder, 'run'), neighbours([unnumbered, eleven, ten])))

  it('lists SAEs by layer, and pairs with their hashes', async () => {
    const run = await readRun(join(folder, 'run'))
    expect(run.inputs.map(({ name, layer, features }) => [name, layer, features])).toEqual([
      ['layer_10', 10, 12],
      ['layer_11', 11, 15],
      ['layer_null', null, 9],
    ])
    expect(run.inputs[0]).toMatchObject({ aliases: ['layer_10'], path: '/saes/layer_10' })
    expect(run.pairs.map(({ a, b }) => [a.name, b.name])).toEqual([
      ['layer_11', 'layer_10'],
      ['layer_null', 'layer_11'],
    ])
    const stems = readdirSync(join(folder, 'run', 'pairs')).filter((name) => name.endsWith('.npz'))
    expect(run.pairs.map(({ file }) => file)).toEqual(stems.map((name) => join(folder, 'run', 'pairs', name)))
    expect(run.pairs.map(({ hash }) => hash)).toEqual(stems.map((name) => name.slice(-12, -4)))
    expect(run.pairs[0].options).toMatchObject({ scale: 'fold', unmatchedCost: null })
    expect(run.passedOver).toEqual([])
  })

  it('knows an SAE by its contents, and calls it as most pairs do', async () => {
    const path = join(folder, 'names')
    const other = { ...ten, name: 'a_seed', contents: ten.name }
    await writeRun(path, [
      [other, unnumbered],
      [ten, eleven],
      [ten, unnumbered],
    ])
    const run = await readRun(path)
    expect(run.inputs.map(({ name, aliases }) => [name, aliases])).toEqual([
      ['layer_10', ['a_seed', 'layer_10']],
      ['layer_11', ['layer_11']],
      ['layer_null', ['layer_null']],
    ])
  })

  it('tells SAEs apart that are called alike', async () => {
    const path = join(folder, 'alike')
    await writeRun(path, [
      [ten, eleven],
      [{ ...ten, contents: 'another seed' }, eleven],
    ])
    const { inputs } = await readRun(path)
    expect(inputs.map(({ name }) => name.replace(/[0-9a-f]{8}$/, '*'))).toEqual([
      'layer_10@*',
      'layer_10@*',
      'layer_11',
    ])
    expect(inputs[0].name).not.toBe(inputs[1].name)
    for (const { name, contents } of inputs.slice(0, 2)) expect(contents.startsWith(name.slice(-8))).toBe(true)
  })

  it('takes the pairs with the options of a hash', async () => {
    const path = join(folder, 'options')
    await writeRun(path, neighbours([ten, eleven, unnumbered]))
    const [first] = (await readRun(path)).pairs
    await writeRun(path, neighbours([ten, eleven, unnumbered]), { weights: 'decoder' })
    expect((await readRun(path)).pairs).toHaveLength(4)
    const { pairs } = await readRun(path, { optionsOf: [first.hash] })
    expect(pairs.map(({ a, b }) => [a.name, b.name])).toEqual([
      ['layer_10', 'layer_11'],
      ['layer_11', 'layer_null'],
    ])
    expect(pairs.every(({ options }) => JSON.stringify(options) === JSON.stringify(first.options))).toBe(true)
    await expectFailure(readRun(path, { optionsOf: ['00000000'] }), 'PAIR_MISSING', '00000000')
  })

  it('passes over what is no record of a pair, and says why', async () => {
    const path = join(folder, 'strangers')
    await writeRun(path, [[ten, eleven]])
    const pairs = join(path, 'pairs')
    const [name] = readdirSync(pairs).filter((file) => file.endsWith('.json'))
    const record = JSON.parse(readFileSync(join(pairs, name), 'utf8'))
    const strangers: Record<string, unknown> = {
      'z-later.11111111': { ...record, schemaVersion: 2 },
      'z-list.11111111': [1],
      'z-no-files.11111111': { ...record, a: { ...record.a, files: [{}] } },
      'z-no-hash': record,
      'z-no-npz.11111111': { ...record, npz: null },
      'z-no-summary.11111111': { ...record, summary: undefined },
      'z-odd-layer.11111111': { ...record, b: { ...record.b, layer: '10' } },
      'z-odd-size.11111111': { ...record, b: { ...record.b, features: -1 } },
    }
    for (const [stem, contents] of Object.entries(strangers)) {
      writeFileSync(join(pairs, `${stem}.json`), JSON.stringify(contents))
    }
    writeFileSync(join(pairs, 'z-torn.11111111.json'), '{"schemaVersion"')
    writeFileSync(join(pairs, 'notes.txt'), 'hello')
    const run = await readRun(path)
    expect(run.pairs).toHaveLength(1)
    const names = [...Object.keys(strangers), 'z-torn.11111111']
    expect(run.passedOver.map(({ file }) => file)).toEqual(names.map((stem) => join(pairs, `${stem}.json`)))
    for (const { file, reason } of run.passedOver) expect(reason).toContain(file)
  })

  it('fails where there is no run directory, or none with a pair in it', async () => {
    await expectFailure(readRun(join(folder, 'nowhere')), 'FILE_NOT_FOUND', 'nowhere is not a run directory')
    mkdirSync(join(folder, 'empty', 'pairs'), { recursive: true })
    await expectFailure(readRun(join(folder, 'empty')), 'PAIR_MISSING', 'holds no finished pair')
  })

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(readRun(join(folder, 'run'), { signal })).rejects.toThrow('enough')
  })
})
