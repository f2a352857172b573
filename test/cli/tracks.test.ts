import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { neighbours, permutedLayers, unrelatedLayers, writeRun } from '../runs/run-files.js'

const folder = temporaryFolder()
const { layers, planted } = permutedLayers(91, 25, [10, 12, 14])
const others = unrelatedLayers(92, [12, 20, 15], [1, 2, 3])

beforeAll(async () => {
  await writeRun(join(folder, 'permuted'), neighbours(layers))
  await writeRun(join(folder, 'others'), neighbours(others))
  await writeRun(join(folder, 'twice'), neighbours(others))
  await writeRun(join(folder, 'twice'), neighbours(others), { weights: 'decoder' })
})

const tracks = (...args: string[]) => runCommandLine(['tracks', ...args], {}, folder)

async function tracksJson(...args: string[]) {
  const { code, stdout, stderr } = await tracks(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe('tracks', () => {
  it('follows permuted features through all layers', async () => {
    const report = await tracksJson('permuted', '--out', 'tracks.json', '--graph', 'graph.json')
    expect(report).toEqual({
      run: 'permuted',
      cut: { cost: null, cosine: null, mutual: false },
      layers: [
        { name: 'layer_10', layer: 10, features: 25, births: null, deaths: 0 },
        { name: 'layer_12', layer: 12, features: 25, births: 0, deaths: 0 },
        { name: 'layer_14', layer: 14, features: 25, births: 0, deaths: null },
      ],
      tracks: 25,
      lengths: [0, 0, 25],
      survival: [[1, 1, 1], [1, 1], [1]],
      pooledSurvival: [1, 1, 1],
      out: 'tracks.json',
      graph: 'graph.json',
      warnings: [],
    })
    const file = JSON.parse(readFileSync(join(folder, 'tracks.json'), 'utf8'))
    expect(file).toEqual({ schemaVersion: 1, ...report, list: expect.anything() })
    const [toTwelve, toFourteen] = [planted(0, 1), planted(0, 2)]
    expect(file.list).toHaveLength(25)
    for (const [i, { start, features, costs, cosines }] of file.list.entries()) {
      expect({ start, features, costs }).toEqual({ start: 0, features: [i, toTwelve[i], toFourteen[i]], costs: [0, 0] })
      for (const cosine of cosines) expect(cosine).toBeCloseTo(1, 6)
    }
    const graph = JSON.parse(readFileSync(join(folder, 'graph.json'), 'utf8'))
    expect(graph).toMatchObject({ schemaVersion: 1, layers: [{ name: 'layer_10', layer: 10, features: 25 }, {}, {}] })
    expect([graph.nodes.length, graph.edges.length]).toEqual([75, 50])
  })

  it('cuts by cost, cosine and mutual nearness, in every file', async () => {
    const whole = await tracksJson('others', '--out', 'whole.csv')
    const rows = (file: string) =>
      readFileSync(join(folder, file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(','))
    const [header, ...all] = rows('whole.csv')
    expect(header).toEqual(['schema_version', 'track', 'length', 'sae', 'layer', 'feature', 'cost', 'cosine_decoder'])
    expect(all).toHaveLength(12 + 20 + 15)
    const steps = all.filter((row) => row[6] !== '')
    const [costs, cosines] = [6, 7].map((column) => steps.map((row) => Number(row[column])).sort((x, y) => x - y))
    const [cost, cosine] = [costs[costs.length >> 1], cosines[cosines.length >> 1]]

    const cheap = await tracksJson('others', '--cost', String(cost), '--graph', 'cheap.json')
    const kept = steps.filter((row) => Number(row[6]) <= cost).length
    expect(cheap.cut).toEqual({ cost, cosine: null, mutual: false })
    expect(cheap.tracks).toBe(whole.tracks + steps.length - kept)
    const edges: { cost: number }[] = JSON.parse(readFileSync(join(folder, 'cheap.json'), 'utf8')).edges
    expect(edges).toHaveLength(kept)
    expect(edges.every((edge) => edge.cost <= cost)).toBe(true)

    const alike = await tracksJson('others', '--cosine', String(cosine))
    expect(alike.tracks).toBe(whole.tracks + steps.filter((row) => Number(row[7]) < cosine).length)
    const mutual = await tracksJson('others', '--mutual')
    expect(mutual.tracks).toBeGreaterThan(whole.tracks)
    const [first, second, third] = mutual.layers
    expect(second.features).toBe(first.features - first.deaths + second.births)
    expect(third.features).toBe(second.features - second.deaths + third.births)
  })

  it('takes the layers that are named, in that order', async () => {
    const report = await tracksJson('others', '--layers', '2,1')
    expect(report.layers.map(({ name }: { name: string }) => name)).toEqual(['layer_2', 'layer_1'])
    expect(report.lengths).toEqual([8, 12])
  })

  it('draws survival for a person', async () => {
    const { code, stdout } = await tracks('permuted')
    expect(code).toBe(0)
    expect(stdout).toContain('25 tracks, cut only where a feature has no partner')
    expect(stdout).toContain('██████  ██████  ██████')
    expect(stdout).toContain('100.0 % 100.0 % 100.0 %')
    expect(stdout).toMatch(/layer_12 +25 +0 +0 +100\.0 %/)
  })

  it('wants a choice between matches with different options, by the hash of one', async () => {
    const { code, stderr } = await tracks('twice')
    expect(code).toBe(1)
    expect(stderr).toContain('(PAIR_AMBIGUOUS)')
    const [, hash] = /--options-of ([0-9a-f]{8})/.exec(stderr)!
    expect((await tracksJson('twice', '--options-of', hash)).tracks).toBeGreaterThan(0)
  })

  it('warns of what it passed over, and of steps with different options', async () => {
    const path = join(folder, 'mixed')
    await writeRun(path, [[others[0], others[1]]])
    await writeRun(path, [[others[1], others[2]]], { scale: 'unit' })
    const { warnings } = await tracksJson('mixed')
    expect(warnings).toEqual([expect.stringContaining('different options')])
  })

  it('fails before any work where it cannot write', async () => {
    const { code, stderr } = await tracks('permuted', '--out', '/proc/tracks.json')
    expect(code).toBe(1)
    expect(stderr).toContain('(OUTPUT_FAILED)')
  })
})
