import { join, resolve } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { ordinary } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { siteOfHook } from './hook.js'
import { type JsonFields, jsonField, jsonSize, readOptionalJson } from './json.js'
import { familyOf, type Keep, type OpenCheckpoint } from './open-checkpoint.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader } from './stored-tensors.js'
import { openTorch } from './torch.js'

const configFile = 'config.json'
const layerFile = /^layer_?(\d+)\.sae\.pt$/

/**
 * Qwen-Scope: TopK without subtraction of the decoder bias, one file a layer. k is in the configuration of all of them,
 * or in the name of the repository. Tensors are called as in SAELens, matrices lie the other way. The original keeps the
 * k largest even where one is negative, which takes fewer than k positive ones. Source: https://huggingface.co/Qwen, the
 * model cards of SAE-Res-*.
 */
export const qwenScope: Family = familyOf({
  name: 'qwen-scope',
  files: 'a file layerN.sae.pt',
  recognises: ({ file }) => file !== null && layerFile.test(file),
  open,
})

async function open(location: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const { file, folder } = location
  const configuration = await readOptionalJson(join(folder, configFile))
  const path = configuration?.file.path ?? location.path
  const fields: JsonFields = configuration?.fields ?? new Map()
  const named = /SAE-Res-(Qwen.+)-W\d+K-L0_(\d+)(?:[\\/]|$)/.exec(resolve(folder))
  const type = jsonField(path, fields, 'string', 'model_type') ?? 'topk_sae'
  if (type !== 'topk_sae') {
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: expected topk_sae for "model_type", found "${type}"`)
  }
  const layer = layerFile.exec(file ?? '')?.[1]
  if (layer === undefined) {
    throw new SaeMatchError(
      'FORMAT_UNKNOWN',
      `${location.path}: expected a file layerN.sae.pt, found ${file ?? 'a folder'}`,
    )
  }
  const container = await keep(openTorch(join(folder, file!), signal))
  refuseUnknownTensors(container, ['W_enc', 'W_dec', 'b_enc', 'b_dec'])
  const n = jsonSize(path, fields, 'd_sae') ?? vectorLength(container, 'b_enc')
  const d = jsonSize(path, fields, 'd_model') ?? vectorLength(container, 'b_dec')
  const k = jsonSize(path, fields, 'k') ?? (named === null ? null : Number(named[2]))
  if (k === null || k < 1 || k > n) {
    throw new SaeMatchError('FORMAT_INVALID', `${path}: expected "k" from 1 to ${n}, found ${k ?? 'none'}`)
  }
  const readers = [
    matrixReader(container, 'W_enc', { rows: n, columns: d, squareIsTransposed: false }),
    matrixReader(container, 'W_dec', { rows: n, columns: d, squareIsTransposed: true }),
    vectorReader(container, 'b_enc', n),
    vectorReader(container, 'b_dec', d),
  ] as const
  const hook = `blocks.${layer}.hook_${jsonField(path, fields, 'string', 'hook_point') ?? 'resid_post'}`
  return {
    files: [...(configuration === null ? [] : [configuration.file]), container.file],
    features: n,
    dimension: d,
    hook,
    layer: Number(layer),
    site: siteOfHook(hook),
    outputSite: undefined,
    model: jsonField(path, fields, 'string', 'base_model') ?? (named === null ? null : `Qwen/${named[1]}`),
    async read() {
      const [encoder, decoder, bias, decoderBias] = await readAll(readers)
      const activation = { kind: 'topk', bias, k, byDecoderNorm: false } as const
      return { ...ordinary, architecture: 'topk', encoder, decoder, decoderBias, activation }
    },
  }
}
