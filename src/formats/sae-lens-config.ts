import { describe, SaeMatchError } from '../errors.js'
import type { InputNorm, Site } from './checkpoint.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { type JsonFile, jsonField, jsonSize } from './json.js'

/** What the `cfg.json` of a SAELens checkpoint says, of any version. */
export interface SaeLensConfig extends ParsedArchitecture {
  readonly byDecoderNorm: boolean
  readonly features: number | null
  readonly inputs: number | null
  /** The width of what a transcoder writes. */
  readonly outputs: number | null
  readonly hook: string | null
  readonly layer: number | null
  readonly site: Site
  readonly outputSite: Site | undefined
  readonly model: string | null
  readonly subtractsDecoderBias: boolean
  readonly scalesFeatures: boolean
  readonly inputNorm: InputNorm
  /** Whether activations are multiplied by a factor that is not in the checkpoint. */
  readonly scalesInput: boolean
  /** The factor that is in it. */
  readonly inputScale: number
}

interface Architecture {
  /** `none`: it does not encode by a linear map. */
  readonly kind: 'relu' | 'jumprelu' | 'topk' | 'gated' | 'none'
  readonly transcoder?: boolean
  readonly skipConnection?: boolean
  /** The tensor of thresholds, where it is another than `threshold`. */
  readonly thresholdName?: string
  /** Why only its decoder can be compared. */
  readonly decoderOnly?: string
}

/** Those that training alone knows (BatchTopK) are saved as jumprelu for use. */
const architectures: Readonly<Record<string, Architecture>> = {
  standard: { kind: 'relu' },
  topk: { kind: 'topk' },
  jumprelu: { kind: 'jumprelu' },
  gated: { kind: 'gated' },
  batchtopk: { kind: 'jumprelu', thresholdName: 'topk_threshold' },
  matryoshka_batchtopk: { kind: 'jumprelu', thresholdName: 'topk_threshold' },
  transcoder: { kind: 'relu', transcoder: true },
  skip_transcoder: { kind: 'relu', transcoder: true, skipConnection: true },
  jumprelu_transcoder: { kind: 'jumprelu', transcoder: true },
  jumprelu_skip_transcoder: { kind: 'jumprelu', transcoder: true, skipConnection: true },
  temporal: {
    kind: 'none',
    decoderOnly: 'a temporal SAE encodes what attention over earlier tokens does not predict, not its input',
  },
  matching_pursuit: {
    kind: 'none',
    decoderOnly: 'a matching-pursuit SAE chooses one feature after the other; it has no encoder',
  },
}

/** What is known and cannot be brought into the canonical form, and why. */
const refused: Readonly<Record<string, string>> = {
  abstopk: 'its features may be active with a negative sign, which no threshold expresses',
}

interface ParsedArchitecture {
  /** As the file spells it. */
  readonly architecture: string
  readonly activation:
    | { readonly kind: 'topk'; readonly k: number }
    | { readonly kind: 'relu' | 'jumprelu' | 'gated' | 'none' }
  readonly transcoder: boolean
  readonly skipConnection: boolean
  readonly thresholdName: string
  readonly decoderOnly: string | null
  /** Whether the decoder is the encoder, too, so that there is no `W_enc`. */
  readonly tiedEncoder: boolean
  /** How the names of tensors begin that are of no use here. */
  readonly otherTensors: readonly string[]
}

/** @throws `FORMAT_INVALID`, `ARCHITECTURE_UNKNOWN` */
export function parseConfig({ file: { path }, fields }: JsonFile): SaeLensConfig {
  const metadata = jsonField(path, fields, 'object', 'metadata') ?? new Map<string, unknown>()
  const text = (...names: string[]) =>
    jsonField(path, metadata, 'string', ...names) ?? jsonField(path, fields, 'string', ...names)
  const number = (...names: string[]) =>
    jsonField(path, metadata, 'number', ...names) ?? jsonField(path, fields, 'number', ...names)
  const flag = (name: string) => jsonField(path, fields, 'boolean', name)

  const architecture = parseArchitecture(path, fields)
  const { transcoder, decoderOnly } = architecture
  const hook = text('hook_name', 'hook_point')
  const outputHook = transcoder ? text('hook_name_out') : null
  const head = number('hook_head_index', 'hook_point_head_index')
  const isHeadOutput = text('reshape_activations') === 'hook_z' || hook?.includes('hook_z')
  const site = isHeadOutput ? 'hook-z' : hook === null ? 'unknown' : siteOfHook(hook)
  return {
    ...architecture,
    byDecoderNorm: flag('rescale_acts_by_decoder_norm') ?? false,
    features: jsonSize(path, fields, 'd_sae'),
    inputs: jsonSize(path, fields, 'd_in'),
    outputs: transcoder ? jsonSize(path, fields, 'd_out') : null,
    hook: hook !== null && head !== null ? `${hook}[${head}]` : hook,
    layer: number('hook_layer', 'hook_point_layer') ?? (hook === null ? null : layerOfHook(hook)),
    site: transcoder ? 'transcoder' : site,
    outputSite: outputHook === null ? undefined : siteOfHook(outputHook),
    model: text('model_name'),
    // A transcoder's b_dec belongs to what it writes; what has no linear encoder has no bias to put it into.
    subtractsDecoderBias: !transcoder && decoderOnly === null && (flag('apply_b_dec_to_input') ?? true),
    scalesFeatures: flag('finetuning_scaling_factor') ?? false,
    ...parseNormalisation(path, fields),
  }
}

function parseArchitecture(path: string, fields: JsonFile['fields']): ParsedArchitecture {
  const unknown = (field: string, expected: string, found: string) =>
    new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: expected ${expected} for "${field}", found "${found}"`)
  const architecture = jsonField(path, fields, 'string', 'architecture') ?? 'standard'
  const name = architecture.replaceAll('-', '_')
  if (Object.hasOwn(refused, name)) {
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: "${architecture}" cannot be read: ${refused[name]}`)
  }
  if (!Object.hasOwn(architectures, name)) {
    throw unknown('architecture', `one of ${Object.keys(architectures).join(' ')}`, architecture)
  }
  const known = architectures[name]
  // Before version 6 a TopK SAE calls itself "standard"; only its activation function tells.
  const activationFunction = jsonField(path, fields, 'string', 'activation_fn_str', 'activation_fn') ?? 'relu'
  if (activationFunction !== 'relu' && activationFunction !== 'topk') {
    throw unknown('activation_fn', 'relu or topk', activationFunction)
  }
  const parsed = {
    architecture,
    transcoder: known.transcoder ?? false,
    skipConnection: known.skipConnection ?? false,
    thresholdName: known.thresholdName ?? 'threshold',
    decoderOnly: known.decoderOnly ?? null,
    tiedEncoder:
      name === 'matching_pursuit' ||
      (name === 'temporal' && (jsonField(path, fields, 'boolean', 'tied_weights') ?? true)),
    otherTensors: name === 'temporal' ? ['attn_layers.'] : [],
  }
  const { kind } = known
  if (kind !== 'topk' && (activationFunction !== 'topk' || kind !== 'relu')) {
    return { ...parsed, activation: { kind } }
  }
  const settings = jsonField(path, fields, 'object', 'activation_fn_kwargs') ?? new Map<string, unknown>()
  const k = jsonSize(path, fields, 'k') ?? jsonSize(path, settings, 'k')
  if (k === null) throw new SaeMatchError('FORMAT_INVALID', `${path}: expected "k" for a TopK SAE, found none`)
  return { ...parsed, activation: { kind: 'topk', k } }
}

function parseNormalisation(
  path: string,
  fields: JsonFile['fields'],
): Pick<SaeLensConfig, 'inputNorm' | 'scalesInput' | 'inputScale'> {
  const none = { inputNorm: 'none', scalesInput: false, inputScale: 1 } as const
  const value = fields.get('normalize_activations') ?? 'none'
  switch (value) {
    case 'none':
    case false:
      return none
    case 'expected_average_only_in':
    case true:
      return { ...none, scalesInput: true }
    case 'constant_norm_rescale':
      return { ...none, inputNorm: 'constant-norm' }
    case 'layer_norm':
      return { ...none, inputNorm: 'layer-norm' }
    case 'constant_scalar_rescale': {
      const inputScale = jsonField(path, fields, 'number', 'activation_normalization_factor') ?? 1
      if (inputScale > 0 && Number.isFinite(inputScale)) return { ...none, inputScale }
      const expected = 'expected a positive number for "activation_normalization_factor"'
      throw new SaeMatchError('FORMAT_INVALID', `${path}: ${expected}, found ${inputScale}`)
    }
    case 'covariance_whitening':
      throw new SaeMatchError(
        'ARCHITECTURE_UNKNOWN',
        `${path}: "covariance_whitening" cannot be read: the matrix that whitens is not in the checkpoint`,
        { hint: 'Finish the training run: SAELens then folds the matrix into the weights.' },
      )
    default: {
      const expected = 'none, expected_average_only_in, constant_norm_rescale, layer_norm or constant_scalar_rescale'
      throw new SaeMatchError(
        'FORMAT_INVALID',
        `${path}: expected ${expected} for "normalize_activations", found ${describe(value)}`,
      )
    }
  }
}
