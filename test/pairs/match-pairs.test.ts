import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { matchPairs } from '../../src/pairs/match-pairs.js'
import type { MatchPairsOptions } from '../../src/pairs/options.js'
import type { PairsProgress, PairsRun } from '../../src/pairs/result.js'
import { expectFailure } from '../helpers/errors.js'
import { writeLayer } from '../helpers/layers.js'
import { needsSharedData, sharedData } from '../helpers/shared-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const saes = join(folder, 'saes')
for (const layer of [1, 2, 3, 4]) writeLayer(join(saes, `layer_${layer}`), { layer, features: 10 + layer })

/** The same SAEs, to be damaged. */
function copied(name: string): string {
  cpSync(saes, join(folder, name), { recursive: true })
  return join(folder, name)
}

const out = (name: string) => join(folder, `run-${name}`)
const titles = ({ pairs }: PairsRun) => pairs.map(({ record }) => `${record.a.layer}-${record.b.layer}`)
const reused = ({ pairs }: PairsRun) => pairs.filter((pair) => pair.reused).length
const manifest = (path: string) => JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))
const everyPair = ['1-2', '1-3', '1-4', '2-3', '2-4', '3-4']

/** The `.npz` files of a run directory with their contents. */
function arrays(path: string): [string, string][] {
  const names = readdirSync(join(path, 'pairs')).filter((name) => name.endsWith('.npz'))
  return names.sort().map((name) => [name, readFileSync(join(path, 'pairs', name)).toString('base64')])
}

describe('matchPairs', () => {
  it('matches neighbouring layers, also of unequal widths', async () => {
    const run = await matchPairs(saes, { out: out('adjacent') })
    expect(titles(run)).toEqual(['1-2', '2-3', '3-4'])
    expect(run).toMatchObject({ out: out('adjacent'), failed: [], notes: [] })
    expect(run.pairs[0].record).toMatchObject({ n: 11, m: 12, matched: 11, certificate: { optimal: true } })
    expect(manifest(run.out)).toMatchObject({
      pairs: [{ a: 'layer_1' }, { a: 'layer_2' }, { a: 'layer_3' }],
      failed: [],
    })
    for (const { file, record } of run.pairs)
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ n: record.n })
  })

  it('gives the same files in any order of work, and says what it does', async () => {
    const variants: MatchPairsOptions[] = [{ inFlight: 1 }, { inFlight: 4 }, { saeMemory: 0 }]
    const runs: [string, string][][] = []
    for (const [k, variant] of variants.entries()) {
      const told: PairsProgress[] = []
      const made: string[] = []
      const run = await matchPairs(saes, {
        pairs: 'all',
        out: out(`all-${k}`),
        ...variant,
        onProgress: (progress) => told.push(progress),
        onPair: ({ file }) => made.push(file),
      })
      expect(titles(run)).toEqual(everyPair)
      expect(made.toSorted()).toEqual(run.pairs.map(({ file }) => file).toSorted())
      expect(told[0]).toMatchObject({ phase: 'load', pairsDone: 0, pairsTotal: 6, millisecondsLeft: null })
      expect(told.at(-1)).toMatchObject({ pairsDone: 6, pairsTotal: 6, millisecondsLeft: 0 })
      runs.push(arrays(run.out))
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
  })

  it('takes listed pairs: paths, short names, and paths below the folders', async () => {
    const pairs = [
      { a: 'layer_3', b: join(saes, 'layer_1') },
      { a: 'layer_1', b: join(saes, 'layer_2', 'cfg.json') },
    ]
    expect(titles(await matchPairs([saes], { pairs, out: out('listed') }))).toEqual(['3-1', '1-2'])
    const twice = await matchPairs([saes], { pairs: [...pairs, pairs[0]], out: out('listed') })
    expect(titles(twice)).toEqual(['3-1', '1-2'])
    const misspelt = [{ a: 'layer_3', b: 'layer_9', where: 'list.txt:7' }]
    const failing = matchPairs([saes], { pairs: misspelt, out: out('misspelt') })
    await expectFailure(failing, 'FILE_NOT_FOUND', 'list.txt:7: ', 'layer_9', 'layer_1, layer_2, layer_3, layer_4')
    expect(existsSync(out('misspelt'))).toBe(false)
  })

  it('does in shards what one run does', async () => {
    for (const index of [2, 1, 3]) {
      await matchPairs(saes, { pairs: 'all', out: out('shards'), shard: { index, count: 3 } })
    }
    const whole = await matchPairs(saes, { pairs: 'all', out: out('shards') })
    expect([titles(whole), reused(whole)]).toEqual([everyPair, 6])
    expect(arrays(out('shards'))).toEqual(arrays((await matchPairs(saes, { pairs: 'all', out: out('whole') })).out))
  })

  it('names what is in no pair', async () => {
    const mixed = copied('mixed')
    writeLayer(join(mixed, 'mlp_2'), { layer: 2, hook: 'hook_mlp_out' })
    writeLayer(join(mixed, 'narrow_2'), { layer: 2, dimension: 3 })
    const run = await matchPairs(mixed, { out: out('mixed') })
    expect(titles(run)).toEqual(['1-2', '2-3', '3-4'])
    expect(run.notes).toHaveLength(1)
    expect(run.notes[0]).toContain('mlp_2 (layer 2, site mlp-out, 12 features of width 4)')
    expect(run.notes[0]).toContain('narrow_2 (layer 2, site residual, 12 features of width 3)')
    await expectFailure(matchPairs(join(mixed, 'mlp_2'), { out: out('one') }), 'NOT_COMPARABLE', 'mlp_2')
  })

  it.each<[string, MatchPairsOptions, string]>([
    ['an unknown option', { shards: 3 } as MatchPairsOptions, 'UNKNOWN_OPTION'],
    ['an unknown choice', { pairs: 'some' as 'all' }, 'INVALID_ARGUMENT'],
    ['a pair that is none', { pairs: [{ a: 'x' }] as never }, 'INVALID_ARGUMENT'],
    ['a shard that is none', { shard: { index: 3, count: 2 } }, 'INVALID_ARGUMENT'],
    ['nothing in flight', { inFlight: 0 }, 'INVALID_ARGUMENT'],
    ['a negative memory', { saeMemory: -1 }, 'INVALID_ARGUMENT'],
    ['arrays of one pair', { scale: { stat: [new Float32Array(1), new Float32Array(1)] } }, 'INVALID_ARGUMENT'],
  ])('refuses %s', async (_, options, code) => {
    await expect(matchPairs(saes, { out: out('refused'), ...options })).rejects.toMatchObject({ code })
    expect(existsSync(out('refused'))).toBe(false)
  })

  it('refuses what are no paths', async () => {
    await expect(matchPairs(3 as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(matchPairs([], { out: out('refused') })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('runs beside each other in one directory', () => {
  it('list the pairs of all of them, whoever ends last', async () => {
    for (let repetition = 0; repetition < 4; repetition++) {
      const path = out(`beside-${repetition}`)
      const shards = everyPair.map((_, k) => ({ index: k + 1, count: everyPair.length }))
      await Promise.all(shards.map((shard) => matchPairs(saes, { out: path, pairs: 'all', shard })))
      expect(manifest(path).pairs).toHaveLength(everyPair.length)
      expect(readFileSync(join(path, 'summary.csv'), 'utf8').split('\n')).toHaveLength(everyPair.length + 2)
    }
  })

  it('that do the same pairs do not take the unfinished files of each other', async () => {
    const path = out('same')
    const runs = await Promise.all([1, 2, 3].map(() => matchPairs(saes, { out: path, pairs: 'all' })))
    for (const run of runs) expect(titles(run)).toEqual(everyPair)
    expect(readdirSync(join(path, 'pairs')).filter((name) => name.endsWith('.tmp'))).toEqual([])
    const alone = await matchPairs(saes, { out: out('alone'), pairs: 'all' })
    expect(arrays(path)).toEqual(arrays(alone.out))
  })
})

describe('a run that goes on', () => {
  it('does again what was damaged or lost, and nothing else', async () => {
    const path = out('resumed')
    const before = await matchPairs(saes, { pairs: 'all', out: path })
    const files = arrays(path)
    rmSync(before.pairs[0].file)
    appendFileSync(before.pairs[3].file.replace(/json$/, 'npz'), 'x')
    writeFileSync(join(path, 'pairs', '.layer_1--layer_2.tmp'), 'not ours')
    const after = await matchPairs(saes, { pairs: 'all', out: path })
    expect(after.pairs.map((pair) => pair.reused)).toEqual([false, true, true, false, true, true])
    expect(arrays(path)).toEqual(files)
  })

  it('does again what has other inputs or other options', async () => {
    const changing = copied('changing')
    const path = out('changing')
    await matchPairs(changing, { out: path })
    expect(reused(await matchPairs(changing, { out: path, weights: 'decoder' }))).toBe(0)
    expect(reused(await matchPairs(changing, { out: path, resume: false }))).toBe(0)
    writeLayer(join(changing, 'layer_4'), { layer: 4, features: 14, seed: 99 })
    expect(reused(await matchPairs(changing, { out: path }))).toBe(2)
  })

  it('tells only of what is left', async () => {
    const told: PairsProgress[] = []
    await matchPairs(saes, { out: out('adjacent'), pairs: 'all', onProgress: (progress) => told.push(progress) })
    expect(told[0]).toMatchObject({ pairsDone: 3, pairsTotal: 6 })
  })
})

describe('a pair that fails', () => {
  it('does not keep the others from being finished, and is done once it can be', async () => {
    const damaged = copied('damaged')
    const weights = join(damaged, 'layer_2', 'sae_weights.safetensors')
    truncateSync(weights, 200)
    const path = out('damaged')
    const failures: string[] = []
    const onFailure = ({ a, b, code }: { a: string; b: string; code: string }) => failures.push(`${a} ${b} ${code}`)
    const run = await matchPairs(damaged, { pairs: 'all', out: path, onFailure })
    expect(titles(run)).toEqual(['1-3', '1-4', '3-4'])
    expect(run.failed.map(({ a, b, layerA, code }) => [a, b, layerA, code])).toEqual([
      ['layer_1', 'layer_2', 1, 'FILE_TRUNCATED'],
      ['layer_2', 'layer_3', 2, 'FILE_TRUNCATED'],
      ['layer_2', 'layer_4', 2, 'FILE_TRUNCATED'],
    ])
    expect(failures.toSorted()).toEqual(run.failed.map(({ a, b, code }) => `${a} ${b} ${code}`))
    expect(manifest(path)).toMatchObject({ pairs: [{}, {}, {}], failed: [{ code: 'FILE_TRUNCATED' }, {}, {}] })

    cpSync(join(saes, 'layer_2'), join(damaged, 'layer_2'), { recursive: true })
    const repaired = await matchPairs(damaged, { pairs: 'all', out: path })
    expect([titles(repaired), reused(repaired)]).toEqual([everyPair, 3])
    expect(manifest(path)).toMatchObject({ failed: [] })
  })

  it.each<[string, (sae: string) => unknown, string]>([
    ['a damaged configuration', (sae) => writeFileSync(join(sae, 'cfg.json'), '{'), 'FORMAT_INVALID'],
    ['no thresholds', (sae) => writeLayer(sae, { layer: 2, features: 12, thresholds: false }), 'THRESHOLD_MISSING'],
    ['numbers that are none', (sae) => notFinite(sae), 'TENSOR_NOT_FINITE'],
  ])('%s', async (name, damage, code) => {
    const path = copied(name)
    damage(join(path, 'layer_2'))
    const run = await matchPairs(path, { out: out(name) })
    expect([titles(run), run.failed.map((failure) => failure.code)]).toEqual([['3-4'], [code, code]])
  })

  it('of SAEs that cannot be compared is one too', async () => {
    writeLayer(join(folder, 'narrow'), { layer: 2, dimension: 3 })
    const pairs = [
      { a: join(folder, 'narrow'), b: 'layer_1' },
      { a: 'layer_1', b: 'layer_2' },
    ]
    const run = await matchPairs(saes, { pairs, out: out('narrow') })
    expect([titles(run), run.failed.map(({ code }) => code)]).toEqual([['1-2'], ['NOT_COMPARABLE']])
  })

  it('ends the run where the caller says so; what was finished stays', async () => {
    const path = copied('stop')
    truncateSync(join(path, 'layer_3', 'sae_weights.safetensors'), 200)
    await expectFailure(
      matchPairs(path, { out: out('stop'), stopAtFailure: true, inFlight: 1 }),
      'FILE_TRUNCATED',
      'layer_3',
    )
    expect(manifest(out('stop'))).toMatchObject({ pairs: [{ a: 'layer_1', b: 'layer_2' }], failed: [] })
  })
})

/** Writes a NaN into the last weights of an SAE. */
function notFinite(sae: string): void {
  const path = join(sae, 'sae_weights.safetensors')
  const bytes = readFileSync(path)
  bytes.writeDoubleLE(Number.NaN, bytes.length - 8)
  writeFileSync(path, bytes)
}

describe('a run that cannot go on', () => {
  it('ends where nothing can be written, before any tensor is read', async () => {
    writeFileSync(join(folder, 'file'), '')
    const failing = matchPairs(saes, { out: join(folder, 'file', 'run') })
    await expectFailure(failing, 'OUTPUT_FAILED', join(folder, 'file', 'run'))
  })

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'ends where the folder is read-only, and leaves what is there',
    async () => {
      const path = out('read-only')
      const before = arrays((await matchPairs(saes, { out: path })).out)
      const places = [path, join(path, 'pairs')]
      for (const place of places) chmodSync(place, 0o555)
      try {
        await expectFailure(matchPairs(saes, { out: path, pairs: 'all' }), 'OUTPUT_FAILED', path)
      } finally {
        for (const place of places) chmodSync(place, 0o755)
      }
      expect(arrays(path)).toEqual(before)
    },
  )

  it('ends with the first file that cannot be written; what was finished stays', async () => {
    const whole = await matchPairs(saes, { out: out('writable') })
    const path = out('blocked')
    // a folder in the place of the second pair's files
    const second = whole.pairs[1].file.replace(out('writable'), path).replace(/json$/, 'npz')
    cpSync(out('writable'), path, { recursive: true })
    for (const name of readdirSync(join(path, 'pairs'))) rmSync(join(path, 'pairs', name))
    cpSync(saes, second, { recursive: true })
    await expectFailure(matchPairs(saes, { out: path, inFlight: 1 }), 'OUTPUT_FAILED', second)
    expect(manifest(path).pairs).toMatchObject([{ a: 'layer_1', b: 'layer_2' }])
    rmSync(second, { recursive: true })
    expect(reused(await matchPairs(saes, { out: path }))).toBe(1)
    expect(arrays(path)).toEqual(arrays(whole.out))
  })

  it.each([1, 3])('stops when told to, with %i in flight; what was finished stays and is listed', async (inFlight) => {
    const controller = new AbortController()
    const path = out(`aborted-${inFlight}`)
    const onPair = () => controller.abort(new Error('enough'))
    const options = { pairs: 'all', out: path, inFlight } as const
    await expect(matchPairs(saes, { ...options, signal: controller.signal, onPair })).rejects.toThrow('enough')
    const kept = readdirSync(join(path, 'pairs')).filter((name) => name.endsWith('.json')).length
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThanOrEqual(inFlight)
    expect(manifest(path).pairs).toHaveLength(kept)
    expect(reused(await matchPairs(saes, options))).toBe(kept)
  })

  it('leaves nothing where it made nothing', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(matchPairs(saes, { out: out('none'), signal })).rejects.toThrow('enough')
    expect(existsSync(out('none'))).toBe(false)
  })
})

it.skipIf(sharedData === null)(
  `matches real SAEs: the folded match is the best one-to-one match of every pair${needsSharedData}`,
  async () => {
    const path = join(sharedData!, 'jumprelu-1024')
    const options = { pairs: 'all', out: out('real'), baselines: 'all', inFlight: 2 } as const
    const run = await matchPairs(path, options)
    expect(titles(run)).toEqual(['12-13', '12-14', '13-14'])
    for (const { record } of run.pairs) {
      const { matched, unfolded, cosine, identity, random } = record.summary
      expect(record.certificate).toMatchObject({ optimal: true, proof: 'full' })
      for (const other of [unfolded, cosine, identity, random]) expect(matched.total).toBeLessThan(other!.total)
    }
    expect(reused(await matchPairs(path, options))).toBe(3)
  },
)
