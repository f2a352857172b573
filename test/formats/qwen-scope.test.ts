import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/formats/detect.js'
import { discoverSaes } from '../../src/pairs/discover.js'
import { writeFolder } from '../helpers/checkpoint-files.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const real = fileURLToPath(new URL('real/qwen_scope/residual', import.meta.url))
let count = 0
const config = { model_type: 'topk_sae', base_model: 'Qwen/Qwen3-8B-Base', d_model: 16, d_sae: 40, k: 7 }
/** The layer that torch wrote, with another configuration. */
const write = (settings: object) => {
  const path = join(folder, `case-${count++}`)
  mkdirSync(path)
  copyFileSync(join(real, 'layer31.sae.pt'), join(path, 'layer31.sae.pt'))
  return join(writeFolder(path, { 'config.json': settings }), 'layer31.sae.pt')
}

describe('qwen-scope', () => {
  it('is one SAE a file, with one configuration for all', async () => {
    const found = await discoverSaes([real])
    expect(found.map(({ path, layer, error }) => [path, layer, error])).toEqual([
      [join(real, 'layer0.sae.pt'), 0, null],
      [join(real, 'layer31.sae.pt'), 31, null],
    ])
    await expectFailure(readCheckpoint(real), 'FORMAT_UNKNOWN', real, 'layerN.sae.pt (qwen-scope)')
    await expectFailure(readCheckpoint(real, { format: 'qwen-scope' }), 'FORMAT_UNKNOWN', 'a folder')
  })

  it('takes its sizes from the tensors where the configuration has none', async () => {
    const { d_model: _, d_sae: __, ...rest } = config
    expect(await readCheckpoint(write(rest))).toMatchObject({
      encoder: { matrix: { rows: 40, columns: 16 } },
      hook: 'blocks.31.hook_resid_post',
      subtractsDecoderBias: false,
    })
  })

  it('takes k from the name of the repository where there is no configuration', async () => {
    const path = join(folder, 'models--Qwen--SAE-Res-Qwen3-8B-Base-W64K-L0_5', 'snapshots', 'c')
    mkdirSync(path, { recursive: true })
    copyFileSync(join(real, 'layer0.sae.pt'), join(path, 'layer0.sae.pt'))
    expect(await readCheckpoint(join(path, 'layer0.sae.pt'))).toMatchObject({
      activation: { kind: 'topk', k: 5 },
      model: 'Qwen/Qwen3-8B-Base',
    })
    const zero = join(folder, 'SAE-Res-Qwen3-8B-Base-W64K-L0_0')
    mkdirSync(zero)
    copyFileSync(join(real, 'layer0.sae.pt'), join(zero, 'layer0.sae.pt'))
    await expectFailure(readCheckpoint(join(zero, 'layer0.sae.pt')), 'FORMAT_INVALID', '"k" from 1 to 40, found 0')
    mkdirSync(join(folder, 'elsewhere'))
    const other = join(folder, 'elsewhere', 'layer0.sae.pt')
    copyFileSync(join(real, 'layer0.sae.pt'), other)
    await expectFailure(readCheckpoint(other), 'FORMAT_INVALID', other, '"k" from 1 to 40, found none')
  })

  it.each([
    ['another type', { ...config, model_type: 'llama' }, 'ARCHITECTURE_UNKNOWN', ['"llama"']],
    ['no k', { ...config, k: undefined }, 'FORMAT_INVALID', ['"k" from 1 to 40, found none']],
    ['a k above n', { ...config, k: 41 }, 'FORMAT_INVALID', ['"k" from 1 to 40, found 41']],
    ['another n', { ...config, d_sae: 41 }, 'TENSOR_SHAPE', ['41']],
    ['another d', { ...config, d_model: 17 }, 'TENSOR_SHAPE', ['17']],
  ] as const)('refuses %s', async (_, settings, code, parts) => {
    const path = write(settings)
    await expectFailure(readCheckpoint(path), code, join(path, '..'), ...parts)
  })
})
