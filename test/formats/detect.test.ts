import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { writeSaeLens } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
let count = 0
const write = () =>
  writeSaeLens(
    join(folder, `sae-${count++}`),
    { architecture: 'standard' },
    {
      W_enc: { data: Float32Array.of(1, 2), shape: [1, 2] },
      W_dec: { data: Float32Array.of(1, 2), shape: [2, 1] },
      b_enc: { data: Float32Array.of(1, 2), shape: [2] },
      b_dec: { data: Float32Array.of(1), shape: [1] },
    },
  )

describe('readCheckpoint', () => {
  it('takes a folder, or either file in it', async () => {
    const path = write()
    for (const file of ['', 'cfg.json', 'sae_weights.safetensors']) {
      const { source } = await readCheckpoint(join(path, file))
      expect(source.path).toBe(join(path, file))
      expect(source.files.map((read) => read.path)).toEqual([
        join(path, 'cfg.json'),
        join(path, 'sae_weights.safetensors'),
      ])
    }
  })

  it('guesses nothing', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    await expectFailure(readCheckpoint(empty), 'FORMAT_UNKNOWN', empty, 'params.npz (gemma-scope)', 'an empty folder')
    await expectFailure(readCheckpoint(join(folder, 'absent')), 'FILE_NOT_FOUND', 'absent')
    const both = write()
    writeFileSync(join(both, 'params.npz'), '')
    await expectFailure(readCheckpoint(both), 'FORMAT_UNKNOWN', both, 'gemma-scope', 'sae-lens')
    expect((await readCheckpoint(both, { format: 'sae-lens' })).source.family).toBe('sae-lens')
    await expect(readCheckpoint(both, { format: 'other' })).rejects.toThrow(
      /'gemma-scope' or .*'sae-lens' .*for `format`/,
    )
  })

  it.each([12, 13, 14])('reads the example of layer %i', async (layer) => {
    const path = fileURLToPath(new URL(`../../examples/smollm2-135m-1024/layer_${layer}`, import.meta.url))
    expect(await readCheckpoint(path)).toMatchObject({
      layer,
      site: 'residual',
      model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
      encoder: { matrix: { rows: 1024, columns: 576, rowStride: 1, dtype: 'f16' } },
      activation: { kind: 'jumprelu' },
      subtractsDecoderBias: false,
      warnings: [],
    })
  })
})
