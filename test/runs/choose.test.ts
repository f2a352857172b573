import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { allLayers, findInput, findStep, findStepIfAny, pathBetween } from '../../src/runs/choose.js'
import { type Run, readRun } from '../../src/runs/read-run.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { unrelatedLayers, writeRun } from './run-files.js'

const folder = temporaryFolder()
const [nine, ten, eleven, twelve] = unrelatedLayers(51, [8, 9, 10, 11], [9, 10, 11, 12])
const seed = { ...eleven, name: 'seed_1' }
const unnumbered = { ...unrelatedLayers(52, [7], [null])[0], name: 'unnumbered' }

/** What an error says and advises. */
function failure(failing: () => unknown): { code: string; message: string; hint: string } {
  try {
    failing()
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string }
    return { code, message, hint }
  }
  throw new Error('nothing failed')
}

let plain: Run
let seeds: Run

beforeAll(async () => {
  const path = join(folder, 'plain')
  await writeRun(path, [
    [nine, ten],
    [twelve, ten],
    [ten, eleven],
  ])
  await writeRun(path, [[ten, eleven]], { weights: 'decoder' })
  plain = await readRun(path)
  await writeRun(join(folder, 'seeds'), [
    [ten, eleven],
    [seed, twelve],
    [unnumbered, ten],
  ])
  seeds = await readRun(join(folder, 'seeds'))
})

describe('findInput', () => {
  it.each(['10', 'layer_10', '/saes/layer_10', '/saes/../saes/layer_10'])('%s', (wanted) => {
    expect(findInput(plain, wanted)).toBe(plain.inputs[1])
  })

  it('takes no word for the number of a layer that is unknown', () => {
    expect(failure(() => findInput(seeds, 'null')).message).toBe(`${seeds.path} has no SAE null`)
  })

  it('lists what there is', () => {
    const { code, message, hint } = failure(() => findInput(seeds, '20'))
    expect({ code, message }).toEqual({ code: 'INPUT_UNKNOWN', message: `${seeds.path} has no SAE 20` })
    expect(hint).toContain(
      'layer_10 (layer 10), layer_11 (layer 11), seed_1 (layer 11), layer_12 (layer 12), unnumbered',
    )
  })

  it('does not choose between seeds of a layer', () => {
    const { code, hint } = failure(() => findInput(seeds, '11'))
    expect(code).toBe('INPUT_UNKNOWN')
    expect(hint).toContain('seed_1: ')
    expect(findInput(seeds, 'seed_1').name).toBe('seed_1')
  })
})

describe('pathBetween', () => {
  const names = (run: Run, from: string, to: string) =>
    pathBetween(run, findInput(run, from), findInput(run, to)).map(({ name }) => name)

  it('passes every layer between, up or down', () => {
    expect(names(plain, '9', '12')).toEqual(['layer_9', 'layer_10', 'layer_11', 'layer_12'])
    expect(names(plain, '12', '10')).toEqual(['layer_12', 'layer_11', 'layer_10'])
    expect(names(plain, '10', '11')).toEqual(['layer_10', 'layer_11'])
    expect(names(seeds, 'seed_1', 'layer_11')).toEqual(['seed_1', 'layer_11'])
  })

  it('does not choose between seeds, and places no SAE of unknown layer', () => {
    expect(failure(() => names(seeds, '10', '12'))).toMatchObject({
      code: 'INPUT_UNKNOWN',
      message: expect.stringContaining('several SAEs of layer 11'),
    })
    expect(failure(() => names(seeds, 'unnumbered', '12'))).toMatchObject({
      code: 'INPUT_UNKNOWN',
      message: expect.stringContaining('The layer of unnumbered is unknown'),
    })
  })
})

describe('allLayers', () => {
  it('gives them in order', () => {
    expect(allLayers(plain).map(({ layer }) => layer)).toEqual([9, 10, 11, 12])
  })

  it('needs one SAE for each layer', () => {
    expect(failure(() => allLayers(seeds)).code).toBe('INPUT_UNKNOWN')
    const known = { ...seeds, inputs: seeds.inputs.filter(({ layer }) => layer !== null) }
    expect(failure(() => allLayers(known)).message).toContain('several SAEs of layer 11')
  })
})

describe('findStep', () => {
  const find = (from: string, to: string) => findStep(plain, findInput(plain, from), findInput(plain, to))

  it('takes the pair as it is, or the other way round', () => {
    expect(find('9', '10')).toEqual({ pair: expect.objectContaining({ a: plain.inputs[0] }), inverted: false })
    expect(find('10', '12')).toEqual({ pair: expect.objectContaining({ a: plain.inputs[3] }), inverted: true })
  })

  it('says how to make a step that is missing', () => {
    const { code, message, hint } = failure(() => find('9', '11'))
    expect(code).toBe('PAIR_MISSING')
    expect(message).toContain('holds no match of layer_9 with layer_11')
    expect(hint).toBe(`sae-match match /saes/layer_9 /saes/layer_11 --out ${plain.path} makes it.`)
    expect(findStepIfAny(plain, plain.inputs[0], plain.inputs[2])).toBeNull()
  })

  it('lists the choices between matches with different options', async () => {
    const { code, message, hint } = failure(() => find('10', '11'))
    expect(code).toBe('PAIR_AMBIGUOUS')
    expect(message).toMatch(/layer_10--layer_11\.[0-9a-f]{8} \(weights {"bias":1,"decoder":1,"encoder":1}\)/)
    expect(message).toMatch(/layer_10--layer_11\.[0-9a-f]{8} \(weights {"bias":0,"decoder":1,"encoder":0}\)/)
    const [, hash] = /--options-of ([0-9a-f]{8})/.exec(hint)!
    const chosen = await readRun(plain.path, { optionsOf: [hash] })
    expect(findStep(chosen, findInput(chosen, '10'), findInput(chosen, '11')).pair.hash).toBe(hash)
  })

  it('takes any of several files with the same arrays', async () => {
    const path = join(folder, 'twice')
    await writeRun(path, [
      [ten, eleven],
      [{ ...ten, name: 'tenth', contents: ten.name }, eleven],
    ])
    await writeRun(path, [[ten, eleven]], { baselines: 'none' })
    const run = await readRun(path)
    expect(run.pairs).toHaveLength(3)
    expect(findStep(run, findInput(run, 'tenth'), findInput(run, '11')).inverted).toBe(false)
  })
})
