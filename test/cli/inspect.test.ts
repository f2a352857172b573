import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../helpers/run-typescript.js'

const layer = fileURLToPath(new URL('../../examples/smollm2-135m-1024/layer_13', import.meta.url))

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

  it('says it to people, within 80 columns where paths allow', async () => {
    const { code, stdout } = await runCommandLine(['inspect', layer])
    expect(code).toBe(0)
    for (const term of ['family', 'encoder', 'thresholds', 'unfoldable', 'folding'])
      expect(stdout).toMatch(new RegExp(`^  ${term} `, 'm'))
    for (const line of stdout.split('\n')) if (!line.includes('/')) expect([...line].length).toBeLessThanOrEqual(80)
  })
})
