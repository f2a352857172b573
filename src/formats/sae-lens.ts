import { join } from 'node:path'
import { describe, SaeMatchError } from '../errors.js'
import type { Checkpoint, CheckpointActivation, CheckpointHeader, InputNorm, Site, StoredVector } from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, CheckpointOptions, Family, ReadOptions } from './family.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { type JsonFile, jsonField, readJson } from './json.js'
import { openSafetensors } from './safetensors.js'
import {
  featureScaleReader,
  matrixReader,
  type Reader,
  readAll,
  refuseUnknownTensors,
  vectorLength,
  vectorReader,
} from './stored-tensors.js'

const configFile = 'cfg.json'
const weightsFile = 'sae_weights.safetensors'

/**
 * SAELens, before and after version 6. Source: https://github.com/decoderesearch/SAELens, `sae_lens/saes` and
 * `sae_lens/loading/pretrained_sae_loaders.py`.
 */
export const saeLens: Family = {
  name: 'sae-lens',
  files: `${configFile} + ${weightsFile}`,
  recognises: ({ file, names }) =>
    names.has(configFile) && names.has(weightsFile) && (file === null || file === configFile || file === weightsFile),
  readHeader,
  read,
}

async function readHeader(location: CheckpointLocation, { signal }: ReadOptions): Promise<CheckpointHeader> {
  const json = await readJson(join(location.folder, configFile))
  const config = parseConfig(json)
  const { hook, layer, site, model } = config
  const path = weightsPath(location)
  return {
    family: saeLens.name,
    path: location.path,
    files: [json.file.path, path],
    hook,
    layer,
    site,
    model,
    ...(await sizes(config, path, signal)),
  }
}

/** As the configuration says, or else as the header of the weights does. */
async function sizes(
  { features, inputs, activation }: Config,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Pick<CheckpointHeader, 'features' | 'dimension'>> {
  if (features !== null && inputs !== null) return { features, dimension: inputs }
  const container = await openSafetensors(path, signal)
  try {
    const [ofFeatures] = architectures[activation.kind].tensors
    return {
      features: features ?? vectorLength(container, ofFeatures),
      dimension: inputs ?? vectorLength(container, 'b_dec'),
    }
  } finally {
    await container.close()
  }
}

function weightsPath({ file, folder }: CheckpointLocation): string {
  return join(folder, file?.endsWith('.safetensors') ? file : weightsFile)
}

async function read(location: CheckpointLocation, options: ReadOptions): Promise<Checkpoint> {
  const json = await readJson(join(location.folder, configFile))
  const config = parseConfig(json)
  const container = await openSafetensors(weightsPath(location), options.signal)
  try {
    const { tensors } = architectures[config.activation.kind]
    const threshold = container.tensors.has('threshold') ? 'threshold' : 'log_threshold'
    const own = tensors.map((name) => (name === 'threshold' ? threshold : name))
    refuseUnknownTensors(container, ['W_enc', 'W_dec', 'b_dec', ...own, ...featureScaleNames, 'sparsity'])

    const n = config.features ?? vectorLength(container, own[0])
    const d = config.inputs ?? vectorLength(container, 'b_dec')
    const readers = [
      matrixReader(container, 'W_enc', { rows: n, columns: d, squareIsTransposed: true }),
      matrixReader(container, 'W_dec', { rows: n, columns: d, squareIsTransposed: false }),
      vectorReader(container, 'b_dec', d),
      activationReader(container, config, n, threshold),
      featureScaleReader(container, featureScaleNames, n, config.scalesFeatures),
    ] as const
    const [encoder, decoder, decoderBias, activation, featureScale] = await readAll(readers)
    const { scale, warnings } = activationScale(config, options)
    return {
      source: { family: saeLens.name, path: location.path, files: [json.file, container.file] },
      architecture: config.architecture,
      hook: config.hook,
      layer: config.layer,
      site: config.site,
      model: config.model,
      averageL0: null,
      encoder,
      decoder,
      decoderBias,
      activation,
      featureScale,
      subtractsDecoderBias: config.subtractsDecoderBias,
      inputScale: scale,
      outputScale: scale,
      inputNorm: config.inputNorm,
      warnings,
    }
  } finally {
    await container.close()
  }
}

/** The tensors of every architecture beside `W_enc`, `W_dec` and `b_dec`, each [n]. */
const architectures = {
  relu: { tensors: ['b_enc'] },
  topk: { tensors: ['b_enc'] },
  jumprelu: { tensors: ['b_enc', 'threshold'] },
  gated: { tensors: ['b_gate', 'b_mag', 'r_mag'] },
} as const

const featureScaleNames = ['finetuning_scaling_factor', 'scaling_factor'] as const

interface Config {
  readonly architecture: string
  readonly activation: { readonly kind: 'topk'; readonly k: number } | { readonly kind: 'relu' | 'jumprelu' | 'gated' }
  readonly byDecoderNorm: boolean
  readonly features: number | null
  readonly inputs: number | null
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  readonly model: string | null
  readonly subtractsDecoderBias: boolean
  readonly scalesFeatures: boolean
  readonly inputNorm: InputNorm
  /** Whether activations are multiplied by a factor that is not in the checkpoint. */
  readonly scalesInput: boolean
}

function parseConfig({ file: { path }, fields }: JsonFile): Config {
  const metadata = jsonField(path, fields, 'object', 'metadata') ?? new Map<string, unknown>()
  const text = (...names: string[]) =>
    jsonField(path, metadata, 'string', ...names) ?? jsonField(path, fields, 'string', ...names)
  const number = (...names: string[]) =>
    jsonField(path, metadata, 'number', ...names) ?? jsonField(path, fields, 'number', ...names)
  const flag = (name: string) => jsonField(path, fields, 'boolean', name)

  const hook = text('hook_name', 'hook_point')
  const head = number('hook_head_index', 'hook_point_head_index')
  const isHeadOutput = text('reshape_activations') === 'hook_z' || hook?.includes('hook_z')
  return {
    ...parseArchitecture(path, fields),
    byDecoderNorm: flag('rescale_acts_by_decoder_norm') ?? false,
    features: size(path, fields, 'd_sae'),
    inputs: size(path, fields, 'd_in'),
    hook: hook !== null && head !== null ? `${hook}[${head}]` : hook,
    layer: number('hook_layer', 'hook_point_layer') ?? (hook === null ? null : layerOfHook(hook)),
    site: isHeadOutput ? 'hook-z' : hook === null ? 'unknown' : siteOfHook(hook),
    model: text('model_name'),
    subtractsDecoderBias: flag('apply_b_dec_to_input') ?? true,
    scalesFeatures: flag('finetuning_scaling_factor') ?? false,
    ...parseNormalisation(path, fields),
  }
}

function parseArchitecture(path: string, fields: JsonFile['fields']): Pick<Config, 'architecture' | 'activation'> {
  const unknown = (field: string, expected: string, found: string) =>
    new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: expected ${expected} for "${field}", found "${found}"`, {
      hint: /batchtopk/i.test(found)
        ? 'Save it for inference: SAELens then writes a jumprelu SAE with its threshold.'
        : undefined,
    })
  const architecture = jsonField(path, fields, 'string', 'architecture') ?? 'standard'
  // Before version 6 a TopK SAE calls itself "standard"; only its activation function tells.
  const activation = jsonField(path, fields, 'string', 'activation_fn_str', 'activation_fn') ?? 'relu'
  const settings = jsonField(path, fields, 'object', 'activation_fn_kwargs') ?? new Map<string, unknown>()
  if (architecture === 'topk' || activation === 'topk') {
    const k = size(path, fields, 'k') ?? size(path, settings, 'k')
    if (k === null) throw new SaeMatchError('FORMAT_INVALID', `${path}: expected "k" for a TopK SAE, found none`)
    return { architecture, activation: { kind: 'topk', k } }
  }
  if (architecture === 'jumprelu') return { architecture, activation: { kind: 'jumprelu' } }
  if (architecture !== 'standard' && architecture !== 'gated') {
    throw unknown('architecture', 'standard, jumprelu, topk or gated', architecture)
  }
  if (activation !== 'relu') throw unknown('activation_fn', 'relu or topk', activation)
  return { architecture, activation: { kind: architecture === 'gated' ? 'gated' : 'relu' } }
}

function parseNormalisation(path: string, fields: JsonFile['fields']): Pick<Config, 'inputNorm' | 'scalesInput'> {
  const value = fields.get('normalize_activations') ?? 'none'
  switch (value) {
    case 'none':
    case false:
      return { inputNorm: 'none', scalesInput: false }
    case 'expected_average_only_in':
    case true:
      return { inputNorm: 'none', scalesInput: true }
    case 'constant_norm_rescale':
      return { inputNorm: 'constant-norm', scalesInput: false }
    case 'layer_norm':
      return { inputNorm: 'layer-norm', scalesInput: false }
    default: {
      const expected = 'none, expected_average_only_in, constant_norm_rescale or layer_norm'
      throw new SaeMatchError(
        'FORMAT_INVALID',
        `${path}: expected ${expected} for "normalize_activations", found ${describe(value)}`,
      )
    }
  }
}

function size(path: string, fields: JsonFile['fields'], name: string): number | null {
  const value = jsonField(path, fields, 'number', name)
  if (value === null || (Number.isSafeInteger(value) && value > 0)) return value
  throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a positive integer for "${name}", found ${value}`)
}

function activationReader(
  container: Container,
  { activation, byDecoderNorm }: Config,
  n: number,
  thresholdName: string,
): Reader<CheckpointActivation> {
  const vector = (name: string) => vectorReader(container, name, n)
  switch (activation.kind) {
    case 'relu': {
      const bias = vector('b_enc')
      return async () => ({ kind: 'relu', bias: await bias() })
    }
    case 'topk': {
      const { k } = activation
      if (k > n) throw new SaeMatchError('FORMAT_INVALID', `${container.file.path}: expected "k" <= ${n}, found ${k}`)
      const bias = vector('b_enc')
      return async () => ({ kind: 'topk', bias: await bias(), k, byDecoderNorm })
    }
    case 'jumprelu': {
      const readers = [vector('b_enc'), vector(thresholdName)] as const
      return async () => {
        const [bias, stored] = await readAll(readers)
        const threshold = thresholdName === 'log_threshold' ? exponential(stored) : stored
        // A BatchTopK SAE that never set its threshold holds -1 everywhere, which stands for none.
        if (threshold.values.every((value) => value === -1)) return { kind: 'relu', bias }
        return { kind: 'jumprelu', bias, threshold }
      }
    }
    case 'gated': {
      const readers = [vector('b_gate'), vector('b_mag'), vector('r_mag')] as const
      return async () => {
        const [gateBias, magnitudeBias, logMagnitude] = await readAll(readers)
        return { kind: 'gated', gateBias, magnitudeBias, logMagnitude }
      }
    }
  }
}

/** What is not finite stays as it is: it is refused, and `-Infinity` would become a harmless 0. */
function exponential({ file, name, values }: StoredVector): StoredVector {
  return {
    file,
    name: `exp(${name})`,
    values: values.map((value) => (Number.isFinite(value) ? Math.exp(value) : value)),
  }
}

/** The factor on activations, which SAELens keeps in its registry and not in the checkpoint. */
function activationScale(
  { scalesInput }: Config,
  { activationScale: scale }: CheckpointOptions,
): { scale: number; warnings: string[] } {
  if (!scalesInput || scale !== undefined) return { scale: scalesInput ? scale! : 1, warnings: [] }
  const warning =
    "Activations are scaled by a factor that is not in the checkpoint (norm_scaling_factor in SAELens's registry); 1 is assumed, pass it as activationScale (--activation-scale)."
  return { scale: 1, warnings: [warning] }
}
