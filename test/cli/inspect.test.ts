import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { writeSaeLens } from '../helpers/checkpoint-files.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const layer = fileURLToPath(new URL('../../examples/smollm2-135m-1024/layer_13', import.meta.url))
const temporary = temporaryFolder()

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
    expect(assumed.warnings).toEqual([expect.stringContaining('--activation-scale')])
    expect(told.warnings).toEqual([])
    expect(told.encoderNorms.max).toBeCloseTo(assumed.encoderNorms.max / 2, 12)
  })

  it('says it to people, within 80 columns where paths allow', async () => {
    const { code, stdout } = await runCommandLine(['inspect', layer])
    expect(code).toBe(0)
    for (const term of ['family', 'encoder', 'thresholds', 'unfoldable', 'folding'])
      expect(stdout).toMatch(new RegExp(`^  ${term} `, 'm'))
    for (const line of stdout.split('\n')) if (!line.includes('/')) expect([...line].length).toBeLessThanOrEqual(80)
  })
})
