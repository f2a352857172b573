import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { backendInfo } from '../../src/backend/info.js'
import { match } from '../../src/matching/match.js'
import type { Match } from '../../src/matching/result.js'
import { type InputRecord, inputRecord, pairStem, type RunOptions } from '../../src/output/pair-files.js'
import {
  checkRunDirectory,
  type FailedEntry,
  findPair,
  finishRunDirectory,
  openRunDirectory,
  type RunOutcome,
  removeLeftovers,
  writePair,
} from '../../src/output/run-directory.js'
import { pairsSettings, recordedOptions } from '../../src/pairs/options.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { plantedPair } from '../matching/planted-pair.js'

const folder = temporaryFolder()
const { a, b } = plantedPair(31, 20, 6, 0.1)
const options = recordedOptions(pairsSettings({}), backendInfo('typescript'))
const hashed = (name: string) => [{ path: `/saes/${name}`, bytes: 3, sha256: name.padEnd(64, '0') }]
const inputs = { a: inputRecord('layer_1', a, hashed('aaa')), b: inputRecord('=layer_2', b, hashed('bbb')) }
const milliseconds = { load: 1, fold: 2, cost: 3, solve: 4, verify: 5, write: 6, total: 21 }
let found: Match

beforeAll(async () => {
  found = await match(a, b, { backend: 'typescript', baselines: 'all' })
})

const names = { a: inputs.a.name, b: inputs.b.name }
const nothing: RunOutcome = { tried: [], failed: [] }

async function writeRun(path: string): Promise<string> {
  const run = openRunDirectory(path, options, '1.2.3')
  const { file } = await writePair(run, found, inputs, () => milliseconds)
  await finishRunDirectory(run, { tried: [names], failed: [] })
  return file
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))

describe('a run directory', () => {
  it('holds a manifest, a summary and two files a pair', async () => {
    const path = join(folder, 'run')
    const file = await writeRun(path)
    const stem = pairStem(inputs.a, inputs.b, options)
    expect(file).toBe(join(path, 'pairs', `${stem}.json`))
    expect(readdirSync(path).sort()).toEqual(['pairs', 'run.json', 'summary.csv'])
    expect(readdirSync(join(path, 'pairs')).sort()).toEqual([`${stem}.json`, `${stem}.npz`])

    const manifest = readJson(path, 'run.json')
    expect(manifest).toMatchObject({
      schemaVersion: 1,
      package: { name: 'sae-match', version: '1.2.3' },
      options: { scale: 'fold', weights: { decoder: 1, encoder: 1, bias: 1 }, unmatchedCost: null },
      ran: { backend: 'typescript', simd: null, solver: 'shortlist', source: 'dense' },
      seeds: [0, 1, 2, 3, 4],
      pairs: [{ file: `pairs/${stem}.npz`, a: 'layer_1', b: '=layer_2' }],
    })
    expect(
      manifest.inputs.map((input: InputRecord) => [input.files[0].sha256, input.features, input.dimension]),
    ).toEqual([
      ['aaa'.padEnd(64, '0'), 20, 6],
      ['bbb'.padEnd(64, '0'), 20, 6],
    ])

    const record = readJson(file)
    expect(record).toMatchObject({ schemaVersion: 1, n: 20, m: 20, matched: 20, cost: found.cost, milliseconds })
    expect(record.certificate).toEqual(found.certificate)
    expect(record.summary).toEqual(found.summary)
    expect(record.distributions.cosineDecoder.quantiles).toHaveLength(record.quantileLevels.length)
    expect(record.npz.file).toBe(`${stem}.npz`)
  })

  it('has a summary that no spreadsheet runs', async () => {
    const path = join(folder, 'csv')
    await writeRun(path)
    const [header, row, end] = readFileSync(join(path, 'summary.csv'), 'utf8').split('\n')
    const cells = Object.fromEntries(header.split(',').map((name, k) => [name, row.split(',')[k]]))
    expect(cells).toMatchObject({ schema_version: '1', a: 'layer_1', b: "'=layer_2", n: '20', optimal: 'true' })
    expect(Number(cells.matched_total)).toBe(found.summary.matched.total)
    expect(Number(cells.unfolded_decoder)).toBe(found.summary.unfolded!.decoder)
    expect(end).toBe('')
  })

  it('has the same npz byte for byte when it is made again', async () => {
    const [first, second] = [await writeRun(join(folder, 'once')), await writeRun(join(folder, 'twice'))]
    const npz = (file: string) => readFileSync(file.replace(/json$/, 'npz'))
    expect(npz(first).equals(npz(second))).toBe(true)
  })

  it('keeps the pairs of other runs, and passes over what is not ours', async () => {
    const path = join(folder, 'kept')
    await writeRun(path)
    writeFileSync(join(path, 'pairs', 'notes.json'), 'hello')
    writeFileSync(join(path, 'pairs', 'later.json'), JSON.stringify({ schemaVersion: 99 }))
    const [ours] = readdirSync(join(path, 'pairs')).filter((name) => name.startsWith('layer_1'))
    const record = readJson(path, 'pairs', ours.replace(/npz$/, 'json'))
    const strangers = {
      bare: { schemaVersion: 1 },
      nothing: null,
      list: [1],
      'no-files': { ...record, a: { name: 'a', layer: null } },
      'no-scores': { ...record, distributions: {} },
      'odd-name': { ...record, a: { ...record.a, name: ['=1,2'] } },
    }
    for (const [name, contents] of Object.entries(strangers)) {
      writeFileSync(join(path, 'pairs', `${name}.json`), JSON.stringify(contents))
    }
    const other = openRunDirectory(path, { ...options, verify: 'shortlist' }, '1.2.3')
    await writePair(other, found, inputs, () => milliseconds)
    await finishRunDirectory(other, nothing)
    const manifest = readJson(path, 'run.json')
    expect(manifest).toMatchObject({ options: { verify: 'shortlist' }, pairs: [{}, {}] })
    const verified = manifest.pairs.map((pair: { options: { verify: string } }) => pair.options.verify)
    expect(verified.sort()).toEqual(['full', 'shortlist'])
    expect(readJson(path, 'run.json').inputs).toHaveLength(2)
    expect(readFileSync(join(path, 'summary.csv'), 'utf8').trim().split('\n')).toHaveLength(3)
  })

  it('is refused where nothing can be written, and says where', async () => {
    writeFileSync(join(folder, 'file'), '')
    const path = join(folder, 'file', 'run')
    await expect(checkRunDirectory(openRunDirectory(path, options, '1'))).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(path),
    })
  })

  it('has no json, the mark of a finished pair, when the npz could not be written', async () => {
    const path = join(folder, 'lost')
    const run = openRunDirectory(path, options, '1')
    mkdirSync(join(path, 'pairs', `${pairStem(inputs.a, inputs.b, options)}.npz`), { recursive: true })
    await expect(writePair(run, found, inputs, () => milliseconds)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
    expect(readdirSync(join(path, 'pairs')).filter((name) => !name.endsWith('.npz'))).toEqual([])
  })

  it('is not there after a run that made nothing, but for what was there before', async () => {
    const path = join(folder, 'nothing', 'run')
    const run = openRunDirectory(path, options, '1')
    expect(existsSync(join(folder, 'nothing'))).toBe(false)
    mkdirSync(join(path, 'pairs'), { recursive: true })
    await finishRunDirectory(run, nothing)
    expect(existsSync(path)).toBe(false)
    mkdirSync(join(path, 'pairs'), { recursive: true })
    await finishRunDirectory(openRunDirectory(path, options, '1'), nothing)
    expect(readdirSync(path)).toEqual([])
  })

  it('lists what failed until it is made good', async () => {
    const path = join(folder, 'failures')
    const failed = (a: string, b: string) => ({ a, b, options, code: 'FILE_TRUNCATED', message: 'short' })
    const run = openRunDirectory(path, options, '1')
    const listed = () => readJson(path, 'run.json').failed.map(({ a, b }: FailedEntry) => [a, b])
    const first = [failed(names.a, names.b), failed('x', 'y'), failed('x', 'z')]
    await finishRunDirectory(run, { tried: first, failed: first })
    expect(readdirSync(path).sort()).toEqual(['run.json', 'summary.csv'])
    expect(readJson(path, 'run.json').failed[1]).toEqual(JSON.parse(JSON.stringify(first[1])))
    await writePair(run, found, inputs, () => milliseconds)
    // another shard: it knows only of its own pairs
    await finishRunDirectory(run, { tried: [{ a: 'x', b: 'y' }], failed: [] })
    expect(listed()).toEqual([['x', 'z']])
    await finishRunDirectory(run, { tried: [{ a: 'p', b: 'q' }], failed: [failed('p', 'q')] })
    expect(listed()).toEqual([
      ['x', 'z'],
      ['p', 'q'],
    ])
  })
})

it('lists what a run beside it finishes while the lists are made', async () => {
  const path = join(folder, 'beside')
  await writeRun(path)
  const theirs = openRunDirectory(join(folder, 'theirs'), options, '1.2.3')
  const { file } = await writePair(
    theirs,
    found,
    { ...inputs, b: { ...inputs.b, name: 'layer_3' } },
    () => milliseconds,
  )
  const outcome: RunOutcome = {
    // read once the pairs that are there have been
    get tried() {
      cpSync(dirname(file), join(path, 'pairs'), { recursive: true })
      return []
    },
    failed: [],
  }
  await finishRunDirectory(openRunDirectory(path, options, '1.2.3'), outcome)
  expect(readJson(path, 'run.json').pairs.map(({ b }: { b: string }) => b)).toEqual(['=layer_2', 'layer_3'])
  expect(readFileSync(join(path, 'summary.csv'), 'utf8').trim().split('\n')).toHaveLength(3)
})

describe('findPair', () => {
  const stem = pairStem(inputs.a, inputs.b, options)

  it('gives back what was written', async () => {
    const path = join(folder, 'find')
    const file = await writeRun(path)
    const run = openRunDirectory(path, options, '1')
    expect(await findPair(run, stem)).toEqual({ file, record: readJson(file) })
    expect(await findPair(run, `${stem}0`)).toBeNull()
  })

  it.each<[string, (file: string) => void]>([
    ['the json is not there', (file) => rmSync(file)],
    ['the json is cut short', (file) => writeFileSync(file, readFileSync(file).subarray(0, 100))],
    [
      'the json is of another schema',
      (file) => writeFileSync(file, JSON.stringify({ ...readJson(file), schemaVersion: 99 })),
    ],
    ['the npz is not there', (file) => rmSync(file.replace(/json$/, 'npz'))],
    ['the npz is another one', (file) => appendFileSync(file.replace(/json$/, 'npz'), 'x')],
  ])('finds nothing where %s', async (name, damage) => {
    const path = join(folder, name)
    damage(await writeRun(path))
    expect(await findPair(openRunDirectory(path, options, '1'), stem)).toBeNull()
  })
})

it('removeLeftovers removes unfinished files of the given pairs and no others', async () => {
  const path = join(folder, 'leftovers')
  const run = openRunDirectory(path, options, '1')
  await removeLeftovers(run, ['a--b.12345678'])
  mkdirSync(join(path, 'pairs'), { recursive: true })
  const [ours, theirs] = [
    ['.a--b.12345678.npz.999999999.00000000.tmp', '.a--b.12345678.json.999999999.ffffffff.tmp'],
    [
      '.a--b.12345678.npz',
      `.a--b.12345678.npz.${process.ppid}.00000000.tmp`,
      '.a--c.12345678.npz.999999999.00000000.tmp',
      'a--b.12345678.npz',
    ],
  ]
  for (const name of [...ours, ...theirs]) writeFileSync(join(path, 'pairs', name), '')
  await removeLeftovers(run, ['a--b.12345678'])
  expect(readdirSync(join(path, 'pairs')).sort()).toEqual(theirs.toSorted())
})

describe('pairStem', () => {
  const stem = pairStem(inputs.a, inputs.b, options)

  it('names both SAEs and hashes what decides the result', () => {
    expect(stem).toMatch(/^layer_1--=layer_2\.[0-9a-f]{8}$/)
    const moved = { ...inputs.a, path: '/elsewhere', files: [{ ...inputs.a.files[0], path: '/elsewhere/aaa' }] }
    expect(pairStem(moved, inputs.b, options)).toBe(stem)
  })

  it.each<[string, Partial<RunOptions>]>([
    ['scale', { scale: 'unit' }],
    ['weights', { weights: { decoder: 1, encoder: 1, bias: 0 } }],
    ['unmatchedCost', { unmatchedCost: 5 }],
    ['backend', { backend: 'native' }],
    ['source', { source: 'implicit' }],
    ['seeds', { seeds: [7] }],
    ['activationScale', { activationScale: [0.5, 1] }],
  ])('changes with %s', (_name, changed) => {
    expect(pairStem(inputs.a, inputs.b, { ...options, ...changed })).not.toBe(stem)
  })

  it('changes with the contents and the order of the inputs', () => {
    const other = { ...inputs.b, files: hashed('ccc') }
    const hash = (name: string) => name.slice(-8)
    const stems = [stem, pairStem(inputs.a, other, options), pairStem(inputs.b, inputs.a, options)].map(hash)
    expect(new Set(stems).size).toBe(3)
  })
})

describe('numpy', () => {
  it.skipIf(python === null)(`opens the arrays of a pair${needsPython}`, async () => {
    const file = (await writeRun(join(folder, 'numpy'))).replace(/json$/, 'npz')
    const script = `
import json, sys, numpy as np
arrays = np.load(sys.argv[1], allow_pickle=False)
print(json.dumps({name: [str(arrays[name].dtype), list(arrays[name].shape), arrays[name].ravel().tolist()] for name in arrays}))`
    const arrays = JSON.parse(runPython(script, [file])) as Record<string, [string, number[], number[]]>
    const f32 = (values: Float64Array) => ['float32', [20], [...Float32Array.from(values)]]
    const i32 = (values: Int32Array) => ['int32', [20], [...values]]
    expect(arrays).toEqual({
      schema_version: ['int32', [], [1]],
      a_to_b: i32(found.aToB),
      b_to_a: i32(found.bToA),
      cost: f32(found.costs.total),
      cost_decoder: f32(found.costs.decoder),
      cost_encoder: f32(found.costs.encoder),
      cost_bias: f32(found.costs.bias),
      cosine_decoder: f32(found.cosines.decoder),
      cosine_encoder: f32(found.cosines.encoder),
      margin: f32(found.margin),
      confidence: f32(found.confidence),
      rank_ab: i32(found.rankAToB),
      rank_ba: i32(found.rankBToA),
      u: ['float64', [20], [...found.u]],
      v: ['float64', [20], [...found.v]],
    })
  })
})
