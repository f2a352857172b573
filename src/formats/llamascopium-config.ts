import { SaeMatchError } from '../errors.js'
import type { InputNorm } from './checkpoint.js'
import { type JsonFile, jsonField, jsonSize } from './json.js'

/** What the `config.json` of a llamascopium checkpoint says. */
export interface LlamascopiumConfig {
  readonly type: 'sae' | 'crosscoder'
  /** As the file spells it. */
  readonly architecture: string
  readonly activation: 'relu' | 'jumprelu' | 'topk' | 'batchtopk'
  readonly k: number
  /** n */
  readonly features: number
  /** d */
  readonly dimension: number
  /** What a crosscoder reads and writes; else what is read, and what is written. */
  readonly hooks: readonly string[]
  readonly byDecoderNorm: boolean
  readonly hasDecoderBias: boolean
  /** Whether the encoder is a gated linear unit. */
  readonly hasGate: boolean
  readonly inputNorm: InputNorm
  /** Whether activations are scaled by a factor from the checkpoint. */
  readonly scalesInput: boolean
  /** Mean norms of activations by hook, or by `in` and `out`, where they are here and not among the tensors. */
  readonly norms: ReadonlyMap<string, number>
}

const refused: Readonly<Record<string, string>> = {
  lorsa: 'it replaces attention, and its features are sums over tokens',
  clt: 'files of cross-layer transcoders are not known here',
  molt: 'its features are transformations, not directions',
}

/** @throws `FORMAT_INVALID`, `ARCHITECTURE_UNKNOWN` */
export function parseConfig({ file: { path }, fields }: JsonFile): LlamascopiumConfig {
  const missing = (name: string) => new SaeMatchError('FORMAT_INVALID', `${path}: expected "${name}", found none`)
  const unknown = (name: string, expected: string, found: string) =>
    new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: expected ${expected} for "${name}", found "${found}"`)
  const flag = (name: string, absent: boolean) => jsonField(path, fields, 'boolean', name) ?? absent
  const text = (name: string) => jsonField(path, fields, 'string', name)

  const type = text('sae_type') ?? 'sae'
  if (type !== 'sae' && type !== 'crosscoder') {
    if (!Object.hasOwn(refused, type)) throw unknown('sae_type', 'sae or crosscoder', type)
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: "${type}" cannot be read: ${refused[type]}`)
  }
  const activation = (text('act_fn') ?? 'relu').toLowerCase()
  if (!isActivation(activation)) throw unknown('act_fn', 'relu, jumprelu, topk or batchtopk', activation)
  const dimension = jsonSize(path, fields, 'd_model')
  if (dimension === null) throw missing('d_model')
  const factor = jsonField(path, fields, 'number', 'expansion_factor')
  if (factor === null) throw missing('expansion_factor')
  const features = Math.trunc(dimension * factor)
  if (!(Number.isSafeInteger(features) && features > 0)) {
    throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a positive "expansion_factor", found ${factor}`)
  }
  const k = jsonSize(path, fields, 'top_k') ?? 50
  if (activation.endsWith('topk') && k > features) {
    throw new SaeMatchError('FORMAT_INVALID', `${path}: expected "top_k" <= ${features}, found ${k}`)
  }
  const norm = text('norm_activation') ?? 'dataset-wise'
  if (!['dataset-wise', 'token-wise', 'inference'].includes(norm)) {
    throw unknown('norm_activation', 'dataset-wise, token-wise or inference', norm)
  }
  const hookIn = text('hook_point_in')
  if (type === 'sae' && hookIn === null) throw missing('hook_point_in')
  return {
    type,
    architecture: `${activation}${type === 'crosscoder' ? ' crosscoder' : ''}`,
    activation,
    k,
    features,
    dimension,
    hooks: type === 'crosscoder' ? hookList(path, fields) : [hookIn!, text('hook_point_out') ?? hookIn!],
    byDecoderNorm: flag('sparsity_include_decoder_norm', true),
    hasDecoderBias: flag('use_decoder_bias', true),
    hasGate: flag('use_glu_encoder', false),
    inputNorm: norm === 'token-wise' ? 'constant-norm' : 'none',
    scalesInput: norm === 'dataset-wise',
    norms: normsOf(path, fields),
  }
}

function isActivation(name: string): name is LlamascopiumConfig['activation'] {
  return ['relu', 'jumprelu', 'topk', 'batchtopk'].includes(name)
}

/** Far above the layers of any model. Each hook is looked for as an SAE of its own. */
const maximumHooks = 1024

function hookList(path: string, fields: JsonFile['fields']): string[] {
  const hooks = fields.get('hook_points')
  if (Array.isArray(hooks) && hooks.length > maximumHooks) {
    const message = `${path}: expected at most ${maximumHooks} names for "hook_points", found ${hooks.length}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  if (Array.isArray(hooks) && hooks.length > 0 && hooks.every((hook) => typeof hook === 'string')) return hooks
  throw new SaeMatchError('FORMAT_INVALID', `${path}: expected a list of names for "hook_points", found something else`)
}

function normsOf(path: string, fields: JsonFile['fields']): Map<string, number> {
  const norms = jsonField(path, fields, 'object', 'dataset_average_activation_norm')
  return new Map([...(norms ?? [])].filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
}
