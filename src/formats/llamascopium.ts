import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import {
  type Checkpoint,
  type CheckpointActivation,
  ordinary,
  type StoredMatrix,
  type StoredVector,
} from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, CheckpointOptions, Family, ReadOptions } from './family.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { readJson } from './json.js'
import { type LlamascopiumConfig, parseConfig } from './llamascopium-config.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import { requireNoOutputLayer } from './output-layer.js'
import { openSafetensors } from './safetensors.js'
import { matrixSliceReader, transposedSliceReader, vectorSliceReader } from './slice.js'
import {
  exponential,
  matrixReader,
  type Reader,
  readAll,
  refuseUnknownTensors,
  scalarReader,
  vectorReader,
  zeros,
} from './stored-tensors.js'

const configFile = 'config.json'
const weightsFile = 'sae_weights.safetensors'
const normPrefix = 'dataset_average_activation_norm.'

/**
 * OpenMOSS llamascopium (formerly lm-saes), and the Llama Scope of DeepSeek-R1-Distill with its other names of tensors:
 * SAEs, transcoders, and one layer of a crosscoder (`FOLDER#9`). Thresholds are compared with what the network of the
 * file computes, from scaled activations where `norm_activation` is dataset-wise; gates look at z |dec_i|. Source:
 * https://github.com/OpenMOSS/Language-Model-SAEs, `src/llamascopium/models`.
 */
export const llamascopium: Family = familyOf({
  name: 'llamascopium',
  files: `${configFile} + ${weightsFile}`,
  recognises: ({ file, names }) =>
    names.has(configFile) &&
    names.has(weightsFile) &&
    // with it, it is SAELens
    !names.has('cfg.json') &&
    (file === null || file === configFile || file === weightsFile),
  async outputLayers({ folder }) {
    const { type, hooks } = parseConfig(await readJson(join(folder, configFile)))
    const layers = new Set(hooks.map(layerOfHook).filter((layer) => layer !== null))
    return type === 'crosscoder' && layers.size > 0 ? [...layers] : null
  },
  open,
})

async function open(location: CheckpointLocation, options: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const json = await readJson(join(location.folder, configFile))
  const config = parseConfig(json)
  const container = await keep(openSafetensors(join(location.folder, weightsFile), options.signal))
  const names = namesOf(container, config)
  refuseUnknownTensors(container, Object.values(names), [normPrefix, ...(config.hasGate ? ['W_E_glu', 'b_E_glu'] : [])])
  const { features: n, dimension: d } = config
  if (config.type === 'sae') requireNoOutputLayer(location)
  const head = config.type === 'crosscoder' ? headOf(config, location) : null
  const tensors = tensorReaders(container, config, names, head)
  const readers = [
    tensors.encoder,
    tensors.decoder,
    tensors.decoderBias,
    activationReader(container, config, names, tensors.bias),
    scalesReader(container, config, head, options),
  ] as const
  return {
    files: [json.file, container.file],
    features: n,
    dimension: d,
    ...placeOf(config, head),
    async read() {
      const [encoder, decoder, decoderBias, activation, scales] = await readAll(readers)
      return {
        ...ordinary,
        architecture: config.architecture,
        encoder,
        decoder,
        decoderBias,
        activation,
        ...scales,
        inputNorm: config.inputNorm,
        decoderOnly: head !== null ? 'a crosscoder encodes several layers together' : config.hasGate ? gated : null,
        warnings: [...scales.warnings, ...(config.activation === 'batchtopk' ? [batchTopK] : [])],
      }
    },
  }
}

const gated = 'a gated linear unit encodes by the product of two linear maps'
const batchTopK =
  'Its BatchTopK has no threshold: the k largest of every token are taken for active, not those of a whole batch.'

interface Names {
  readonly encoder: string
  readonly encoderBias: string
  readonly decoder: string
  readonly decoderBias: string
  readonly logThreshold: string
}

/** Tensors have other names, and lie the other way, in the Llama Scope of DeepSeek-R1-Distill. */
function namesOf({ tensors }: Container, { activation }: LlamascopiumConfig): Names {
  const distill = tensors.has('encoder.weight')
  const names = distill
    ? { encoder: 'encoder.weight', encoderBias: 'encoder.bias', decoder: 'decoder.weight', decoderBias: 'decoder.bias' }
    : { encoder: 'W_E', encoderBias: 'b_E', decoder: 'W_D', decoderBias: 'b_D' }
  const logThreshold = distill ? 'log_jumprelu_threshold' : 'activation_function.log_jumprelu_threshold'
  return { ...names, logThreshold: activation === 'jumprelu' ? logThreshold : '' }
}

/** Which of a crosscoder's layers is meant. @throws `SAE_AMBIGUOUS`, `TENSOR_MISSING` */
function headOf({ hooks }: LlamascopiumConfig, { outputLayer, path }: CheckpointLocation): number {
  const layers = hooks.map(layerOfHook)
  const meant = [...layers.keys()].filter((head) => outputLayer === null || layers[head] === outputLayer)
  if (meant.length === 1) return meant[0]
  if (meant.length === 0) {
    const message = `${path}: expected a hook of layer ${outputLayer}, found ${hooks.join(', ')}`
    throw new SaeMatchError('TENSOR_MISSING', message)
  }
  const found = meant.map((head) => hooks[head]).join(', ')
  const named = layers.find((layer) => layer !== null && layers.indexOf(layer) === layers.lastIndexOf(layer))
  throw new SaeMatchError('SAE_AMBIGUOUS', `${path}: expected one hook of a crosscoder, found ${found}`, {
    ...(outputLayer === null && named !== undefined && { hint: `Name the layer behind the path: ${path}#${named}` }),
  })
}

function placeOf({ hooks }: LlamascopiumConfig, head: number | null): ModelPlace {
  const [hookIn, hookOut] = head === null ? hooks : [hooks[head], hooks[head]]
  const isSae = head === null && hookIn === hookOut
  const place = { hook: hookIn, layer: layerOfHook(hookIn), model: null }
  if (isSae) return { ...place, site: siteOfHook(hookIn), outputSite: undefined }
  return { ...place, site: head === null ? 'transcoder' : 'crosscoder', outputSite: siteOfHook(hookOut) }
}

type Readers = {
  readonly [K in 'encoder' | 'decoder']: Reader<StoredMatrix>
} & { readonly [K in 'bias' | 'decoderBias']: Reader<StoredVector> }

function tensorReaders(
  container: Container,
  { features: rows, dimension: columns, hooks, hasDecoderBias }: LlamascopiumConfig,
  names: Names,
  head: number | null,
): Readers {
  if (head !== null) {
    const slice = { count: hooks.length, axis: 0, index: head } as const
    return {
      encoder: transposedSliceReader(container, names.encoder, { ...slice, rows: columns, columns: rows }),
      decoder: matrixSliceReader(container, names.decoder, { ...slice, rows, columns }),
      bias: vectorSliceReader(container, names.encoderBias, hooks.length, rows, 'sum'),
      decoderBias: vectorSliceReader(container, names.decoderBias, hooks.length, columns, head),
    }
  }
  const isDistill = names.encoder === 'encoder.weight'
  return {
    encoder: matrixReader(container, names.encoder, { rows, columns, squareIsTransposed: !isDistill }),
    decoder: matrixReader(container, names.decoder, { rows, columns, squareIsTransposed: isDistill }),
    bias: vectorReader(container, names.encoderBias, rows),
    decoderBias: (hasDecoderBias ? vectorReader : zeros)(container, names.decoderBias, columns),
  }
}

function activationReader(
  container: Container,
  { activation, features, k, byDecoderNorm }: LlamascopiumConfig,
  { logThreshold }: Names,
  bias: Reader<StoredVector>,
): Reader<CheckpointActivation> {
  switch (activation) {
    case 'relu':
      return async () => ({ kind: 'relu', bias: await bias() })
    case 'topk':
    case 'batchtopk':
      return async () => ({ kind: 'topk', bias: await bias(), k, byDecoderNorm })
    case 'jumprelu': {
      const threshold = exponential(vectorReader(container, logThreshold, features))
      return async () => ({ kind: 'jumprelu', bias: await bias(), threshold: await threshold(), byDecoderNorm })
    }
  }
}

type Scales = Pick<Checkpoint, 'inputScale' | 'outputScale' | 'warnings'>

/** sqrt(d) by the mean norm of what is read, and of what is written. */
function scalesReader(
  container: Container,
  { scalesInput, hooks, norms, dimension }: LlamascopiumConfig,
  head: number | null,
  { activationScale: told }: CheckpointOptions,
): Reader<Scales> {
  // A checkpoint that scales nothing has tensors of norms, too, which hold anything.
  if (!scalesInput) return async () => ({ inputScale: 1, outputScale: 1, warnings: [] })
  const [hookIn, hookOut] = head === null ? hooks : [hooks[head], hooks[head]]
  const stated = (hook: string, side: string) => {
    const norm = norms.get(hook) ?? norms.get(side)
    if (norm !== undefined) return async () => norm
    const name = `${normPrefix}${hook}`
    if (!container.tensors.has(name)) return null
    const read = scalarReader(container, name, 1)
    return async () => (await read()).values[0]
  }
  const [readIn, readOut] = [stated(hookIn, 'in'), stated(hookOut, 'out')]
  if (readIn === null || readOut === null) {
    if (told !== undefined) return async () => ({ inputScale: told, outputScale: told, warnings: [] })
    const warning =
      'Activations are scaled to a norm of sqrt(d) on average by a factor that is not in the checkpoint; 1 is assumed, pass it as activationScale (--activation-scale).'
    return async () => ({ inputScale: 1, outputScale: 1, warnings: [warning] })
  }
  return async () => {
    const scales = [await readIn(), await readOut()].map((norm) => {
      if (norm > 0 && Number.isFinite(norm)) return Math.sqrt(dimension) / norm
      const message = `${container.file.path}: expected positive mean norms of activations, found ${norm}`
      throw new SaeMatchError('FORMAT_INVALID', message)
    })
    return { inputScale: scales[0], outputScale: scales[1], warnings: [] }
  }
}
