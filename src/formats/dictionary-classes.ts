import { SaeMatchError } from '../errors.js'
import { type JsonFields, jsonField } from './json.js'

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

/** The class that a configuration names, or null where it names none. @throws `ARCHITECTURE_UNKNOWN` */
export function classNamed(path: string, trainer: JsonFields): DictionaryClass | null {
  const called = jsonField(path, trainer, 'string', 'dict_class')
  if (called === null) return null
  const found = classes.find(({ name }) => name === called)
  if (found !== undefined) return found
  const message = `${path}: expected one of ${names} for "dict_class", found "${called}"`
  throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
}

/** The only class whose tensors these are. @param path of the file that holds them. @throws `ARCHITECTURE_UNKNOWN` */
export function classWith(path: string, tensors: readonly string[]): DictionaryClass {
  const fitting = classes.filter((candidate) => {
    const known = tensorsOf(candidate)
    const needed = known.filter((name) => !candidate.optional.includes(name))
    return needed.every((name) => tensors.includes(name)) && tensors.every((name) => known.includes(name))
  })
  if (fitting.length === 1) return fitting[0]
  const found = fitting.length > 1 ? fitting.map(({ name }) => name).join(' or ') : tensors.join(' ') || 'no tensors'
  throw new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: expected the tensors of one of ${names}, found ${found}`, {
    hint: 'The config.json of the training run, beside the file, says which class it is ("dict_class").',
  })
}
