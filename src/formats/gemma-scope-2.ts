import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { ordinary } from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { layerOfHook, siteOfHook } from './hook.js'
import { type JsonFile, jsonField, jsonSize, readJson } from './json.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import { requireNoOutputLayer } from './output-layer.js'
import { openSafetensors } from './safetensors.js'
import { matrixSliceReader, type SlicedMatrix } from './slice.js'
import {
  matrixReader,
  type Reader,
  readAll,
  refuseUnknownTensors,
  vectorLength,
  vectorReader,
  zeros,
} from './stored-tensors.js'

const configFile = 'config.json'
const weightsFile = 'params.safetensors'
/** One file for each layer that a crosscoder or a cross-layer transcoder reads. */
const layerFile = /^params_layer_(\d+)\.safetensors$/

/**
 * Gemma Scope 2: JumpReLU without subtraction of the decoder bias; SAEs, transcoders (with an affine skip connection in
 * some), and files of crosscoders and cross-layer transcoders, each of whose features read one layer and write to several:
 * one of those is an SAE here, the layer they read unless the path names another (`params_layer_0.safetensors#9`).
 * Source: https://huggingface.co/google/gemma-scope-2.
 */
export const gemmaScope2: Family = familyOf({
  name: 'gemma-scope-2',
  files: `${configFile} + ${weightsFile} or a file params_layer_N.safetensors`,
  recognises: ({ file, names }) => {
    if (!names.has(configFile)) return false
    if (file === null || file === configFile) return names.has(weightsFile)
    return file === weightsFile || layerFile.test(file)
  },
  // One that is not named is that of the layer that the features read.
  outputLayers: async () => null,
  open,
})

const skipName = 'affine_skip_connection'

async function open(location: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const json = await readJson(join(location.folder, configFile))
  const file = location.file === null || location.file === configFile ? weightsFile : location.file
  const container = await keep(openSafetensors(join(location.folder, file), signal))
  refuseUnknownTensors(container, ['w_enc', 'w_dec', 'b_enc', 'b_dec', 'threshold', skipName])
  const n = vectorLength(container, 'b_enc')
  const d = vectorLength(container, 'b_dec')
  const slice = sliceOf(json, location, file)
  const config = parseConfig(json, slice)

  const skipConnection = container.tensors.has(skipName)
  // Only its header is looked at: the canonical form does without it.
  if (skipConnection) matrixReader(container, skipName, { rows: d, columns: d, squareIsTransposed: false })
  const readers = [
    matrixReader(container, 'w_enc', { rows: n, columns: d, squareIsTransposed: true }),
    slice === null
      ? matrixReader(container, 'w_dec', { rows: n, columns: d, squareIsTransposed: false })
      : sliceReader(container, slice, n, d),
    vectorReader(container, 'b_enc', n),
    vectorReader(container, 'threshold', n),
    // That of another layer lies in another file.
    (slice === null || slice.own === slice.written ? vectorReader : zeros)(container, 'b_dec', d),
  ] as const
  return {
    files: [json.file, container.file],
    features: n,
    dimension: d,
    ...config.place,
    async read() {
      const [encoder, decoder, bias, threshold, decoderBias] = await readAll(readers)
      return {
        ...ordinary,
        architecture: config.architecture,
        averageL0: config.averageL0,
        encoder,
        decoder,
        decoderBias,
        activation: { kind: 'jumprelu', bias, threshold, byDecoderNorm: false },
        skipConnection,
        warnings:
          slice !== null || config.width === null || config.width === n
            ? []
            : [`The configuration says ${config.width} features, the file holds ${n}.`],
      }
    },
  }
}

/** What decoder is meant of those that one file holds; `own` and `written` are places among `layers`. */
interface LayerSlice {
  /** Of the model, one for each file; null for all from the first on. */
  readonly layers: readonly number[] | null
  /** The one that the file's features read. */
  readonly own: number
  /** The one whose decoder is meant. */
  readonly written: number
}

/** @throws `TENSOR_MISSING` for a layer that there is no decoder for */
function sliceOf(json: JsonFile, location: CheckpointLocation, file: string): LayerSlice | null {
  const { outputLayer, path } = location
  const index = layerFile.exec(file)?.[1]
  if (index === undefined) {
    requireNoOutputLayer(location)
    return null
  }
  const own = Number(index)
  const hook = hookOf(json, 'hf_hook_point_in')
  const braces = /\{([^}]*)\}/.exec(hook)?.[1] ?? ''
  if (braces === 'all') return { layers: null, own, written: outputLayer ?? own }
  const layers = braces === '' ? [] : braces.split(',').map(Number)
  if (own >= layers.length || !layers.every(Number.isSafeInteger)) {
    const message = `${json.file.path}: expected layers in braces for "hf_hook_point_in", one for ${file}, found "${hook}"`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  const written = outputLayer === null ? own : layers.indexOf(outputLayer)
  if (written >= 0) return { layers, own, written }
  const message = `${path}: expected a layer that is written to, ${layers.join(', ')}, found ${outputLayer}`
  throw new SaeMatchError('TENSOR_MISSING', message)
}

/** The layer of the model at a place among those of the files. */
function layerAt({ layers }: LayerSlice, place: number): number {
  return layers?.[place] ?? place
}

/**
 * Where the outputs of a decoder are counted from shows in its shape and in its zeros: from the first layer on, where
 * what lies before the own layer is zero, or from the own layer on, where there are fewer or the last ones are zero.
 */
function sliceReader(container: Container, slice: LayerSlice, n: number, d: number): Reader<SlicedMatrix> {
  const { layers, own, written } = slice
  const outputs = container.tensors.get('w_dec')?.shape[1] ?? layers?.length ?? 1
  const areFewer = layers !== null && own > 0 && outputs === layers.length - own
  if (layers !== null && outputs !== layers.length && !areFewer) {
    const message = `${container.file.path}: tensor w_dec: expected ${layers.length} or ${layers.length - own} outputs, found ${outputs}`
    throw new SaeMatchError('TENSOR_SHAPE', message)
  }
  const readerOf = (index: number) => {
    if (index >= 0 && index < outputs) {
      return matrixSliceReader(container, 'w_dec', { rows: n, columns: d, count: outputs, axis: 1, index })
    }
    const [from, to] = [layerAt(slice, own), layerAt(slice, written)]
    const message = `${container.file.path}: expected features of layer ${from} that write to layer ${to}, found none`
    throw new SaeMatchError('TENSOR_MISSING', message, {
      hint: 'Features write to the layer that they read and to later ones.',
    })
  }
  const guess = areFewer || written >= outputs ? written - own : written
  const read = readerOf(guess)
  return async () => {
    const first = await read()
    const { filled } = first
    const hasFirst = filled!.slice(0, own).includes(true)
    // features of a cross-layer transcoder never write to earlier layers; those of a crosscoder may
    const hasLast = layers !== null && own > 0 && filled!.slice(-own).includes(true)
    const fromOwn = areFewer || (hasFirst && !hasLast)
    const index = fromOwn ? written - own : written
    const found = index === guess ? first : await readerOf(index)()
    return filled![index] ? found : readerOf(-1)()
  }
}

interface GemmaScope2Config {
  readonly architecture: string
  readonly averageL0: number | null
  readonly width: number | null
  readonly place: ModelPlace
}

/** @throws `FORMAT_INVALID`, `ARCHITECTURE_UNKNOWN` */
function parseConfig(json: JsonFile, slice: LayerSlice | null): GemmaScope2Config {
  const { file, fields } = json
  const architecture = jsonField(file.path, fields, 'string', 'architecture') ?? 'jump_relu'
  if (architecture !== 'jump_relu') {
    const message = `${file.path}: expected jump_relu for "architecture", found "${architecture}"`
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  const type = jsonField(file.path, fields, 'string', 'type') ?? 'sae'
  if (!['sae', 'transcoder', 'crosscoder', 'clt'].includes(type)) {
    const message = `${file.path}: expected sae, transcoder, crosscoder or clt for "type", found "${type}"`
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  const [input, output] = [hookOf(json, 'hf_hook_point_in'), hookOf(json, 'hf_hook_point_out')]
  const at = (place: number) => (slice === null ? input : input.replace(/\{[^}]*\}/, String(layerAt(slice, place))))
  const hook = at(slice?.own ?? 0)
  return {
    architecture: `${architecture}${type === 'sae' ? '' : ` ${type}`}`,
    averageL0: jsonField(file.path, fields, 'number', 'l0'),
    width: jsonSize(file.path, fields, 'width'),
    place: {
      hook,
      layer: slice === null ? layerOfHook(hook) : layerAt(slice, slice.written),
      site: type === 'sae' ? siteOfHook(hook) : type === 'crosscoder' ? 'crosscoder' : 'transcoder',
      outputSite: type === 'sae' ? undefined : siteOfHook(output),
      model: jsonField(file.path, fields, 'string', 'model_name'),
    },
  }
}

/** @throws `FORMAT_INVALID` */
function hookOf({ file, fields }: JsonFile, name: string): string {
  const hook = jsonField(file.path, fields, 'string', name)
  if (hook !== null) return hook
  throw new SaeMatchError('FORMAT_INVALID', `${file.path}: expected "${name}", found none`)
}
