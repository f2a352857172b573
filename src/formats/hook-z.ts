import { join } from 'node:path'
import { ordinary } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { jsonField, jsonSize, readJson } from './json.js'
import { familyOf, type Keep, type OpenCheckpoint } from './open-checkpoint.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader } from './stored-tensors.js'
import { openTorch } from './torch.js'

/** `NAME_cfg.json` for `NAME.pt`. */
function configOf(file: string | null): string | null {
  const stem = /^(.+)\.pt$/.exec(file ?? '')?.[1]
  return stem === undefined ? null : `${stem}_cfg.json`
}

/**
 * SAEs of attention outputs before W_O by Connor Kissane and Robert Krzyzanowski: `NAME.pt` + `NAME_cfg.json`.
 * Source: https://github.com/decoderesearch/SAELens, `connor_rob_hook_z` in
 * `sae_lens/loading/pretrained_sae_loaders.py`.
 */
export const hookZ: Family = familyOf({
  name: 'hook-z',
  files: 'NAME.pt + NAME_cfg.json',
  recognises: ({ file, names }) => names.has(configOf(file) ?? ''),
  open,
})

async function open(
  { path, folder, file }: CheckpointLocation,
  { signal }: ReadOptions,
  keep: Keep,
): Promise<OpenCheckpoint> {
  const config = await readJson(join(folder, configOf(file) ?? `${file}_cfg.json`))
  const container = await keep(openTorch(path, signal))
  refuseUnknownTensors(container, ['W_enc', 'W_dec', 'b_enc', 'b_dec'])
  const n = jsonSize(config.file.path, config.fields, 'dict_size') ?? vectorLength(container, 'b_enc')
  const d = jsonSize(config.file.path, config.fields, 'act_size') ?? vectorLength(container, 'b_dec')
  const hook = jsonField(config.file.path, config.fields, 'string', 'act_name')
  const readers = [
    matrixReader(container, 'W_enc', { rows: n, columns: d, squareIsTransposed: true }),
    matrixReader(container, 'W_dec', { rows: n, columns: d, squareIsTransposed: false }),
    vectorReader(container, 'b_enc', n),
    vectorReader(container, 'b_dec', d),
  ] as const
  return {
    files: [config.file, container.file],
    features: n,
    dimension: d,
    hook,
    layer: hook === null ? null : layerOfHook(hook),
    site: hook === null ? 'unknown' : siteOfHook(hook),
    // They were all trained on it, and the configuration does not say so.
    model: 'gpt2-small',
    async read() {
      const [encoder, decoder, bias, decoderBias] = await readAll(readers)
      const activation = { kind: 'relu', bias } as const
      return {
        ...ordinary,
        architecture: 'ReLU',
        encoder,
        decoder,
        decoderBias,
        activation,
        subtractsDecoderBias: true,
      }
    },
  }
}
