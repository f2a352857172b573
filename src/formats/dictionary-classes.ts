import { SaeMatchError } from '../errors.js'
import { type JsonFields, jsonField } from './json.js'
import { listNames } from './stored-tensors.js'

/** A class of dictionary_learning: what its tensors are called, and what its `encode` does by default. */
export interface DictionaryClass {
  readonly name: string
  readonly encoder: 'encoder.weight' | 'W_enc'
  readonly decoder: 'decoder.weight' | 'W_dec'
  readonly decoderBias: string
  /** Its other tensors; the first is [n]. */
  readonly own: readonly string[]
  /** Those that older versions did not write. */
  readonly optional: readonly string[]
  readonly subtractsDecoderBias: boolean
  /** `batchtopk`: one threshold for all features, or ReLU where it was never set. */
  readonly activation: 'relu' | 'topk' | 'batchtopk' | 'jumprelu' | 'gated'
}

const linear = { encoder: 'encoder.weight', decoder: 'decoder.weight', own: ['encoder.bias'], optional: [] } as const
const topK = { decoderBias: 'b_dec', optional: ['k', 'threshold'], subtractsDecoderBias: true } as const
const matrices = { encoder: 'W_enc', decoder: 'W_dec', decoderBias: 'b_dec' } as const

const classes: readonly DictionaryClass[] = [
  { ...linear, name: 'AutoEncoder', decoderBias: 'bias', subtractsDecoderBias: true, activation: 'relu' },
  { ...linear, name: 'AutoEncoderNew', decoderBias: 'decoder.bias', subtractsDecoderBias: false, activation: 'relu' },
  { ...linear, ...topK, name: 'AutoEncoderTopK', activation: 'topk' },
  { ...linear, ...topK, name: 'BatchTopKSAE', activation: 'batchtopk' },
  { ...matrices, ...topK, name: 'MatryoshkaBatchTopKSAE', own: ['b_enc', 'group_sizes'], activation: 'batchtopk' },
  {
    ...matrices,
    name: 'JumpReluAutoEncoder',
    own: ['b_enc', 'threshold'],
    optional: [],
    subtractsDecoderBias: false,
    activation: 'jumprelu',
  },
  {
    ...linear,
    name: 'GatedAutoEncoder',
    decoderBias: 'decoder_bias',
    own: ['gate_bias', 'mag_bias', 'r_mag'],
    subtractsDecoderBias: true,
    activation: 'gated',
  },
]
const names = classes.map(({ name }) => name).join(' ')

/** Every tensor that a class may hold. */
export function tensorsOf({ encoder, decoder, decoderBias, own, optional }: DictionaryClass): string[] {
  return [encoder, decoder, decoderBias, ...own, ...optional]
}

/**
 * The class that a configuration names, unless the tensors are those of another: trainers write down their usual class
 * whatever they trained. Without a configuration the tensors decide.
 * @param config the path of the configuration and its field `trainer`
 * @param weights the path of the file that holds the tensors, for messages
 * @throws `ARCHITECTURE_UNKNOWN`
 */
export function classOf(
  config: { readonly path: string; readonly trainer: JsonFields },
  weights: string,
  tensors: readonly string[],
): DictionaryClass {
  const called = jsonField(config.path, config.trainer, 'string', 'dict_class')
  const named = classes.find(({ name }) => name === called)
  if (called !== null && named === undefined) {
    const message = `${config.path}: expected one of ${names} for "dict_class", found "${called}"`
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  const fitting = classes.filter((candidate) => fits(candidate, tensors))
  if (named !== undefined && (fitting.length === 0 || fitting.includes(named))) return named
  if (fitting.length === 1) return fitting[0]
  const found = fitting.length > 1 ? `those of ${fitting.map(({ name }) => name).join(' and ')}` : listNames(tensors)
  throw new SaeMatchError(
    'ARCHITECTURE_UNKNOWN',
    `${weights}: expected the tensors of one of ${names}, found ${found}`,
    {
      hint: 'The config.json of the training run, beside the file, says which class it is ("dict_class").',
    },
  )
}

function fits(candidate: DictionaryClass, tensors: readonly string[]): boolean {
  const known = tensorsOf(candidate)
  const needed = known.filter((name) => !candidate.optional.includes(name))
  return needed.every((name) => tensors.includes(name)) && tensors.every((name) => known.includes(name))
}
