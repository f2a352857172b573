import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openNpz } from '../../src/formats/npz.js'
import { toFloat64 } from '../../src/tensor/tensor.js'
import { writeLayer } from '../helpers/layers.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const layer = (number: number) =>
  fileURLToPath(new URL(`../../examples/smollm2-135m-1024/layer_${number}`, import.meta.url))

describe('nearest', () => {
  it('prints one JSON object and writes what it found', async () => {
    const out = join(folder, 'nearest.npz')
    const { code, stdout, stderr } = await runCommandLine([
      'nearest',
      layer(12),
      layer(13),
      '-k',
      '3',
      '--out',
      out,
      '--json',
      '-q',
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ a: 'layer_12', b: 'layer_13', n: 1024, m: 1024, k: 3, out })
    expect(found.mutualShare).toBeGreaterThan(0.3)
    const npz = await openNpz(out)
    const features = await toFloat64(await npz.read('a_to_b'))
    await npz.close()
    expect(features).toHaveLength(3 * 1024)
    expect([...new Set(features)].every((feature) => Number.isInteger(feature) && feature >= 0 && feature < 1024)).toBe(
      true,
    )
  })

  it('writes csv and JSON too', async () => {
    for (const name of ['nearest.csv', 'nearest.json']) {
      const { code } = await runCommandLine(['nearest', layer(12), layer(13), '--out', join(folder, name), '-q'])
      expect(code).toBe(0)
    }
    const lines = readFileSync(join(folder, 'nearest.csv'), 'utf8').trimEnd().split('\n')
    expect(lines[0]).toBe('direction,feature,rank,nearest,cost,cosine_decoder')
    expect(lines).toHaveLength(1 + 2 * 1024)
    const json = JSON.parse(readFileSync(join(folder, 'nearest.json'), 'utf8'))
    expect(lines[1]).toBe(`a_to_b,0,0,${json.aToB.feature[0]},${json.aToB.cost[0]},${json.aToB.cosineDecoder[0]}`)
  })

  it('of the same SAE twice tells how alike its features are', async () => {
    const { code, stdout } = await runCommandLine([
      'nearest',
      layer(12),
      layer(12),
      '--scale',
      'unit',
      '--weights',
      'decoder',
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('layer_12 → itself: decoder cosine with the nearest, mean 0.')
  })

  it('refuses another kind of file before any work', async () => {
    const { code, stderr } = await runCommandLine(['nearest', layer(12), layer(13), '--out', 'nearest.txt'])
    expect(code).toBe(2)
    expect(stderr).toContain('Expected a file that ends in .npz, .json, .csv for --out, got nearest.txt')
  })

  it('refuses more than there are, and a text of more lines than it can hold, before any work', async () => {
    const many = ['nearest', layer(12), layer(13), '-k', '100000']
    expect(await runCommandLine(many)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('from 1 to 1024 for `k`'),
    })
    const wide = [1, 2].map((number) => writeLayer(join(folder, `layer_${number}`), { layer: number, features: 2100 }))
    expect(await runCommandLine(['nearest', ...wide, '-k', '1000', '--out', 'n.csv'], {}, folder)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('.npz for 4,200,000 nearest features'),
    })
  })

  it.each(['0', '-1', '1.5', 'two', '1e3'])('refuses -k %s as a usage error', async (k) => {
    const { code, stdout, stderr } = await runCommandLine(['nearest', layer(12), layer(13), `-k${k}`])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`Expected a whole number of at least 1 for -k, got ${k}`)
  })
})
