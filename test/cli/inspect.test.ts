import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tensor, writeFolder, writeSaeLens } from '../helpers/checkpoint-files.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const layer = fileURLToPath(new URL('../../examples/smollm2-135m-1024/layer_13', import.meta.url))
const temporary = temporaryFolder()
const tensorsOf = (n: number, d: number) => ({
  W_enc: tensor([d, n]),
  W_dec: tensor([n, d]),
  b_enc: tensor([n]),
  b_dec: tensor([d]),
})

describe('inspect', () => {
  it('says what a checkpoint holds', async () => {
    const { code, stdout } = await runCommandLine(['inspect', layer, '--json'])
    expect(code).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({
      family: 'sae-lens',
      features: 1024,
      dimension: 576,
      encoder: { dtype: 'f16', shape: [1024, 576], storedTransposed: true },
      decoder: { dtype: 'f16', shape: [1024, 576], storedTransposed: false },
      architecture: 'jumprelu',
      activation: { kind: 'jumprelu' },
      hook: 'blocks.13.hook_resid_post',
      layer: 13,
      deadRows: 0,
      thresholds: { unfoldable: [] },
    })
    const { min, median, max } = found.thresholds
    expect([min > 4, median > min, max > 100]).toEqual([true, true, true])
    expect(found.decoderNorms.median).toBeCloseTo(1, 2)
  })

  it('warns of a factor on activations that it has to assume, unless it is told', async () => {
    const numbers = (length: number) => Float64Array.from({ length }, (_, i) => i + 1)
    const path = writeSaeLens(
      join(temporary, 'scaled'),
      { architecture: 'standard', normalize_activations: 'expected_average_only_in' },
      {
        W_enc: { data: numbers(6), shape: [2, 3] },
        W_dec: { data: numbers(6), shape: [3, 2] },
        b_enc: { data: numbers(3), shape: [3] },
        b_dec: { data: numbers(2), shape: [2] },
      },
    )
    const inspect = async (...args: string[]) =>
      JSON.parse((await runCommandLine(['inspect', path, '--json', ...args])).stdout)
    const [assumed, told] = [await inspect(), await inspect('--activation-scale', '0.5')]
    expect(assumed.warnings).toContainEqual(expect.stringContaining('--activation-scale'))
    expect(told.warnings).not.toContainEqual(expect.stringContaining('--activation-scale'))
    expect(told.encoderNorms.max).toBeCloseTo(assumed.encoderNorms.max / 2, 12)
  })

  it('says it to people, within 80 columns where paths allow', async () => {
    const { code, stdout } = await runCommandLine(['inspect', layer])
    expect(code).toBe(0)
    for (const term of ['family', 'encoder', 'thresholds', 'unfoldable', 'folding'])
      expect(stdout).toMatch(new RegExp(`^  ${term} `, 'm'))
    for (const line of stdout.split('\n')) if (!line.includes('/')) expect([...line].length).toBeLessThanOrEqual(80)
  })

  it('makes a table of a folder of layers', async () => {
    const folder = join(layer, '..')
    const { code, stdout } = await runCommandLine(['inspect', folder, '--json'])
    expect(code).toBe(0)
    const { saes, failed, warnings } = JSON.parse(stdout)
    expect(saes.map((sae: { layer: number }) => sae.layer)).toEqual([12, 13, 14])
    expect([failed, warnings]).toEqual([[], []])
    const table = (await runCommandLine(['inspect', folder])).stdout.split('\n')
    expect(table[0]).toMatch(/^layer +site +features +width/)
    expect(table.slice(1, 4).map((line) => line.trim().split(/ +/)[0])).toEqual(['12', '13', '14'])
  })

  it('says what makes a folder no one set of layers, and which SAE cannot be read', async () => {
    const folder = join(temporary, 'mixed')
    for (const [name, hook] of [
      ['a', 'blocks.1.hook_resid_post'],
      ['b', 'blocks.1.hook_mlp_out'],
    ]) {
      writeSaeLens(join(folder, name), { architecture: 'topk', k: 2, hook_name: hook }, tensorsOf(3, 2))
    }
    writeSaeLens(join(folder, 'c'), { architecture: 'none' }, tensorsOf(3, 2))
    const { code, stdout } = await runCommandLine(['inspect', folder, '--json'])
    expect(code).toBe(1)
    const { saes, failed, warnings } = JSON.parse(stdout)
    expect(saes).toHaveLength(2)
    expect(warnings).toEqual(['Several sites: mlp-out, residual.'])
    expect(failed).toEqual([{ path: join(folder, 'c'), message: expect.stringContaining('"none"') }])
    const text = (await runCommandLine(['inspect', folder])).stdout
    expect(text).toContain('all: Its TopK has no thresholds to fold')
  })

  it('counts features that never fire from the firing rates beside the weights', async () => {
    const path = writeSaeLens(join(temporary, 'rates'), { architecture: 'standard' }, tensorsOf(3, 2))
    writeFolder(path, { 'sparsity.safetensors': { sparsity: tensor([3], [-10, -2, -1]) } })
    const { stdout } = await runCommandLine(['inspect', path, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ neverActive: 1, deadRows: 0 })
  })

  it('shows an SAE whose firing rates cannot be read, and says so', async () => {
    const path = writeSaeLens(join(temporary, 'other-rates'), { architecture: 'standard' }, tensorsOf(3, 2))
    writeFolder(path, { 'sparsity.safetensors': { sparsity: tensor([4], [-10, -2, -1, -1]) } })
    const { code, stdout } = await runCommandLine(['inspect', path, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      neverActive: null,
      warnings: expect.arrayContaining([expect.stringMatching(/never fire.*sparsity\.safetensors: expected.*3/)]),
    })
  })
})
