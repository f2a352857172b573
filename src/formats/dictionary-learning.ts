import { basename, dirname, join, resolve, sep } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type CheckpointActivation, ordinary, type Site } from './checkpoint.js'
import { classOf, type DictionaryClass, tensorsOf } from './dictionary-classes.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { type JsonFields, type JsonFile, jsonField, jsonSize, readJson, readOptionalJson } from './json.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import {
  matrixReader,
  type Reader,
  readAll,
  refuseUnknownTensors,
  scalarReader,
  scaled,
  vectorLength,
  vectorReader,
} from './stored-tensors.js'
import { openTorch, type TorchContainer } from './torch.js'

const configFile = 'config.json'
const weightsFile = 'ae.pt'

/**
 * dictionary_learning, with which SAEBench was trained, too: `ae.pt`, what training left in `checkpoints`, and the
 * backup of a run that was interrupted. Source: https://github.com/saprmarks/dictionary_learning,
 * `dictionary_learning/dictionary.py`, `trainers` and `training.py`.
 */
export const dictionaryLearning: Family = familyOf({
  name: 'dictionary-learning',
  files: `${configFile} + ${weightsFile}`,
  recognises: ({ file, names }) => {
    if (file === null || file === configFile) return names.has(configFile) && names.has(weightsFile)
    return /^ae(_\d+)?\.pt$/.test(file)
  },
  open,
})

async function open(location: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const { folder, file } = location
  const config = await readConfig(location)
  const path = config?.file.path ?? ''
  const trainer: JsonFields = (config && jsonField(path, config.fields, 'object', 'trainer')) ?? new Map()
  const weights = file === null || file === configFile ? weightsFile : file
  const container = await keep(openTorch(join(folder, weights), signal))
  const state = stateOf(container)

  const { prefix, biasScale } = state
  const names = [...container.tensors.keys()].filter((name) => name.startsWith(prefix))
  const ownNames = names.map((name) => name.slice(prefix.length))
  const kind = classOf({ path, trainer }, container.file.path, ownNames)
  const known = tensorsOf(kind).map((name) => prefix + name)
  refuseUnknownTensors(container, known, prefix === '' ? [] : ['optimizer.'])
  const n = jsonSize(path, trainer, 'dict_size') ?? vectorLength(container, prefix + kind.own[0])
  const d = jsonSize(path, trainer, 'activation_dim') ?? vectorLength(container, prefix + kind.decoderBias)
  const encoderIsTransposed = kind.encoder === 'W_enc'
  const readers = [
    matrixReader(container, prefix + kind.encoder, { rows: n, columns: d, squareIsTransposed: encoderIsTransposed }),
    matrixReader(container, prefix + kind.decoder, { rows: n, columns: d, squareIsTransposed: !encoderIsTransposed }),
    scaled(vectorReader(container, prefix + kind.decoderBias, d), biasScale),
    activationReader(state, kind, n, jsonSize(path, trainer, 'k')),
  ] as const
  return {
    files: [...(config === null ? [] : [config.file]), container.file],
    features: n,
    dimension: d,
    ...placeOf(location, path, trainer),
    async read() {
      const [encoder, decoder, decoderBias, { activation, warnings }] = await readAll(readers)
      const { name: architecture, subtractsDecoderBias } = kind
      return { ...ordinary, architecture, encoder, decoder, decoderBias, activation, subtractsDecoderBias, warnings }
    },
  }
}

/** That of the training run: beside the file, or above `checkpoints`; null where there is none. */
async function readConfig({ folder, names }: CheckpointLocation): Promise<JsonFile | null> {
  if (names.has(configFile)) return readJson(join(folder, configFile))
  if (basename(resolve(folder)) !== 'checkpoints') return null
  return readOptionalJson(join(dirname(resolve(folder)), configFile))
}

/** Where in a file the dictionary is. */
interface State {
  readonly container: TorchContainer
  /** How the names of its tensors begin. */
  readonly prefix: string
  /** The factor on biases and thresholds with which they belong to activations that nothing scales. */
  readonly biasScale: number
}

/**
 * A run that divides activations by their norm multiplies biases and thresholds by it when it saves the dictionary. The
 * backup that an interrupted run leaves has the norm beside them instead.
 */
function stateOf(container: TorchContainer): State {
  const { file, tensors, values } = container
  if (![...tensors.keys()].some((name) => name.startsWith('ae.'))) return { container, prefix: '', biasScale: 1 }
  const norm = values.get('norm_factor')
  if (typeof norm === 'number' && norm > 0 && Number.isFinite(norm))
    return { container, prefix: 'ae.', biasScale: norm }
  throw new SaeMatchError(
    'FORMAT_INVALID',
    `${file.path}: expected a positive norm_factor in the backup of a training run, found ${norm ?? 'none'}`,
    { hint: 'Without it the scale of the biases is not known. Finish the run.' },
  )
}

interface ActivationFound {
  readonly activation: CheckpointActivation
  readonly warnings: readonly string[]
}

function activationReader(
  { container, prefix, biasScale }: State,
  kind: DictionaryClass,
  n: number,
  configuredK: number | null,
): Reader<ActivationFound> {
  const vector = (name: string) => scaled(vectorReader(container, prefix + name, n), biasScale)
  const number = (name: string, length: number) =>
    container.tensors.has(prefix + name) ? scalarReader(container, prefix + name, length) : null
  switch (kind.activation) {
    case 'relu': {
      const bias = vector('encoder.bias')
      return async () => ({ activation: { kind: 'relu', bias: await bias() }, warnings: [] })
    }
    case 'jumprelu': {
      const readers = [vector('b_enc'), vector('threshold')] as const
      return async () => {
        const [bias, threshold] = await readAll(readers)
        return { activation: { kind: 'jumprelu', bias, threshold, byDecoderNorm: false }, warnings: [] }
      }
    }
    case 'gated': {
      const readers = [vector('gate_bias'), vector('mag_bias'), vectorReader(container, `${prefix}r_mag`, n)] as const
      return async () => {
        const [gateBias, magnitudeBias, logMagnitude] = await readAll(readers)
        return { activation: { kind: 'gated', gateBias, magnitudeBias, logMagnitude }, warnings: [] }
      }
    }
    case 'topk': {
      const bias = vector('encoder.bias')
      const stored = number('k', 1)
      return async () => {
        const k = (await stored?.())?.values[0] ?? configuredK ?? Number.NaN
        if (!(Number.isInteger(k) && k > 0 && k <= n)) {
          const message = `${container.file.path}: expected k from 1 to ${n} for a TopK SAE, found ${k}`
          throw new SaeMatchError('FORMAT_INVALID', message)
        }
        return { activation: { kind: 'topk', bias: await bias(), k, byDecoderNorm: false }, warnings: [] }
      }
    }
    case 'batchtopk': {
      const bias = vector(kind.own[0])
      const stored = number('threshold', n)
      return async () => {
        const threshold = await (stored === null ? null : scaled(stored, biasScale)())
        if (threshold !== null && !(threshold.values[0] < 0)) {
          return { activation: { kind: 'jumprelu', bias: await bias(), threshold, byDecoderNorm: false }, warnings: [] }
        }
        // -1 stands for a threshold that was never set.
        const warnings = [
          'The threshold of this BatchTopK SAE was never set: it is ReLU, as dictionary_learning runs it.',
        ]
        return { activation: { kind: 'relu', bias: await bias() }, warnings }
      }
    }
  }
}

const sites: readonly (readonly [RegExp, Site])[] = [
  [/^resid/, 'residual'],
  [/^mlp/, 'mlp-out'],
  [/^att/, 'attention-out'],
]

/** The submodule, e.g. `resid_post_layer_12`, which some configurations leave to the name of a folder. */
function placeOf({ folder }: CheckpointLocation, path: string, trainer: JsonFields): ModelPlace {
  const folders = resolve(folder).split(sep).reverse()
  const named = folders.find((name) => /^(resid|mlp|att)\w*_layer_\d+$/.test(name))
  const hook = jsonField(path, trainer, 'string', 'submodule_name') ?? named ?? null
  const layer = /_layer_(\d+)$/.exec(hook ?? '')?.[1]
  return {
    hook,
    layer: jsonField(path, trainer, 'number', 'layer') ?? (layer === undefined ? null : Number(layer)),
    site: sites.find(([pattern]) => pattern.test(hook ?? ''))?.[1] ?? 'unknown',
    model: jsonField(path, trainer, 'string', 'lm_name'),
  }
}
