import { basename, join, resolve } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type CheckpointActivation, type InputNorm, ordinary } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { type JsonFile, jsonField, jsonSize, readJson } from './json.js'
import { familyOf, type Keep, type OpenCheckpoint } from './open-checkpoint.js'
import { openSafetensors } from './safetensors.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader, zeros } from './stored-tensors.js'

const configFile = 'hyperparams.json'
const weightsFolder = 'checkpoints'
const weightsFile = 'final.safetensors'

/**
 * Llama Scope, first version: TopK SAEs and transcoders made JumpReLU by one threshold. Activations are scaled to a norm
 * of sqrt(d) on average, by a factor in the configuration.
 *
 * The threshold belongs to the parameters as the library of then loads them: standardised to unscaled activations
 * (pre-activations divided by s = sqrt(d) / norm in) and, with `sparsity_include_decoder_norm`, to decoder rows of unit
 * norm; there it was measured, and there it is used. So z |dec_i| is compared with threshold * sqrt(d) / norm out here.
 * SAELens reads the files without the decoder norm. Source: https://github.com/OpenMOSS/Language-Model-SAEs of November
 * 2024, `src/lm_saes/sae.py` (`from_config`) and `post_processing.py`.
 */
export const llamaScope: Family = familyOf({
  name: 'llama-scope',
  files: `${configFile} + ${weightsFolder}/${weightsFile}`,
  recognises: ({ file, names }) =>
    names.has(configFile) && names.has(weightsFolder) && (file === null || file === configFile),
  open,
})

async function open({ folder }: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const json = await readJson(join(folder, configFile))
  const container = await keep(openSafetensors(join(folder, weightsFolder, weightsFile), signal))
  const n = vectorLength(container, 'encoder.bias')
  const config = parseConfig(json, n)
  const { d, hasDecoderBias, hasGate, inputScale, outputScale, threshold, byDecoderNorm } = config
  refuseUnknownTensors(
    container,
    ['encoder.weight', 'encoder.bias', 'decoder.weight', ...(hasDecoderBias ? ['decoder.bias'] : [])],
    hasGate ? ['encoder_glu.'] : [],
  )
  const readers = [
    matrixReader(container, 'encoder.weight', { rows: n, columns: d, squareIsTransposed: false }),
    matrixReader(container, 'decoder.weight', { rows: n, columns: d, squareIsTransposed: true }),
    vectorReader(container, 'encoder.bias', n),
    hasDecoderBias ? vectorReader(container, 'decoder.bias', d) : zeros(container, 'decoder.bias', d),
  ] as const
  const { architecture, k, hookIn, hookOut } = config
  return {
    files: [json.file, container.file],
    features: n,
    dimension: d,
    hook: hookIn,
    layer: layerOfHook(hookIn),
    site: hookIn === hookOut ? siteOfHook(hookIn) : 'transcoder',
    outputSite: hookIn === hookOut ? undefined : siteOfHook(hookOut),
    model: basename(resolve(folder)).startsWith('Llama3_1-8B-Base-') ? 'meta-llama/Llama-3.1-8B' : null,
    async read() {
      const [encoder, decoder, bias, decoderBias] = await readAll(readers)
      const activation = (): CheckpointActivation => {
        if (threshold > 0) {
          const name = 'jump_relu_threshold'
          const values = new Float64Array(n).fill(threshold * (byDecoderNorm ? outputScale : inputScale))
          return { kind: 'jumprelu', bias, threshold: { file: json.file.path, name, values }, byDecoderNorm }
        }
        return architecture === 'topk' ? { kind: 'topk', bias, k, byDecoderNorm } : { kind: 'relu', bias }
      }
      return {
        ...ordinary,
        architecture: threshold > 0 ? 'jumprelu' : architecture,
        encoder,
        decoder,
        decoderBias,
        activation: activation(),
        subtractsDecoderBias: config.subtractsDecoderBias,
        inputScale,
        outputScale,
        inputNorm: config.inputNorm,
        decoderOnly: hasGate ? 'a gated linear unit encodes by the product of two linear maps' : null,
      }
    },
  }
}

interface LlamaScopeConfig {
  readonly d: number
  readonly architecture: string
  readonly k: number
  /** 0 for none. */
  readonly threshold: number
  readonly byDecoderNorm: boolean
  readonly hookIn: string
  readonly hookOut: string
  readonly hasDecoderBias: boolean
  readonly subtractsDecoderBias: boolean
  readonly hasGate: boolean
  readonly inputNorm: InputNorm
  readonly inputScale: number
  readonly outputScale: number
}

/** @param n what the tensors say. @throws `FORMAT_INVALID`, `TENSOR_SHAPE`, `ARCHITECTURE_UNKNOWN` */
function parseConfig({ file: { path }, fields }: JsonFile, n: number): LlamaScopeConfig {
  const invalid = (expected: string, found: unknown) =>
    new SaeMatchError('FORMAT_INVALID', `${path}: expected ${expected}, found ${found ?? 'none'}`)
  const flag = (name: string, missing: boolean) => jsonField(path, fields, 'boolean', name) ?? missing
  const hookIn = jsonField(path, fields, 'string', 'hook_point_in')
  if (hookIn === null) throw invalid('"hook_point_in"', null)
  const d = jsonSize(path, fields, 'd_model')
  if (d === null) throw invalid('"d_model"', null)
  const features = jsonSize(path, fields, 'd_sae') ?? n
  if (features !== n) {
    throw new SaeMatchError('TENSOR_SHAPE', `${path}: expected ${features} features, found ${n} in encoder.bias`)
  }
  const architecture = jsonField(path, fields, 'string', 'act_fn') ?? 'relu'
  if (!['relu', 'jumprelu', 'topk'].includes(architecture)) {
    const message = `${path}: expected relu, jumprelu or topk for "act_fn", found "${architecture}"`
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  // A TopK SAE with a threshold is one that was made JumpReLU.
  const stated = jsonField(path, fields, 'number', 'jump_relu_threshold') ?? 0
  const threshold = architecture === 'relu' ? 0 : stated
  if (!(threshold >= 0 && Number.isFinite(threshold))) throw invalid('"jump_relu_threshold" >= 0', threshold)
  const k = jsonSize(path, fields, 'top_k') ?? 50
  if (architecture === 'topk' && threshold === 0 && k > n) throw invalid(`"top_k" <= ${n}`, k)

  const scales = scalesOf(path, fields, d)
  const hasDecoderBias = flag('use_decoder_bias', true)
  const hasGate = flag('use_glu_encoder', false)
  const subtractsDecoderBias = hasDecoderBias && !hasGate && flag('apply_decoder_bias_to_pre_encoder', true)
  if (subtractsDecoderBias && scales.inputScale !== scales.outputScale) {
    throw invalid('one norm in and out where the decoder bias is subtracted from the input', 'two')
  }
  return {
    d,
    architecture,
    k,
    threshold,
    byDecoderNorm: flag('sparsity_include_decoder_norm', true),
    hookIn,
    hookOut: jsonField(path, fields, 'string', 'hook_point_out') ?? hookIn,
    hasDecoderBias,
    subtractsDecoderBias,
    hasGate,
    ...scales,
  }
}

function scalesOf(
  path: string,
  fields: JsonFile['fields'],
  d: number,
): Pick<LlamaScopeConfig, 'inputNorm' | 'inputScale' | 'outputScale'> {
  const plain = { inputNorm: 'none', inputScale: 1, outputScale: 1 } as const
  const norm = jsonField(path, fields, 'string', 'norm_activation') ?? 'token-wise'
  switch (norm) {
    case 'none':
    case 'inference':
      return plain
    case 'token-wise':
      return { ...plain, inputNorm: 'constant-norm' }
    case 'dataset-wise': {
      const norms = jsonField(path, fields, 'object', 'dataset_average_activation_norm') ?? new Map<string, unknown>()
      const scaleOf = (name: string) => {
        const average = jsonField(path, norms, 'number', name)
        if (average !== null && average > 0 && Number.isFinite(average)) return Math.sqrt(d) / average
        const message = `${path}: expected a positive "${name}" in "dataset_average_activation_norm", found ${average ?? 'none'}`
        throw new SaeMatchError('FORMAT_INVALID', message)
      }
      return { ...plain, inputScale: scaleOf('in'), outputScale: scaleOf('out') }
    }
    default: {
      const message = `${path}: expected dataset-wise, token-wise or none for "norm_activation", found "${norm}"`
      throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
    }
  }
}
