import { basename, dirname, join, resolve } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type CheckpointActivation, ordinary, type Site } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { layerOfHook } from './hook.js'
import { type JsonFile, jsonField, jsonSize, readJson, readOptionalJson } from './json.js'
import { familyOf, type Keep, type OpenCheckpoint } from './open-checkpoint.js'
import { openSafetensors } from './safetensors.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader } from './stored-tensors.js'

const configFile = 'cfg.json'
const weightsFile = 'sae.safetensors'

/**
 * EleutherAI sparsify: TopK or GroupMax of what is positive, SAEs and (skip) transcoders. The folder is named after the
 * hook. Source: https://github.com/EleutherAI/sparsify, `sparsify/sparse_coder.py`, whose decoder is `W_dec` [n, d].
 */
export const sparsify: Family = familyOf({
  name: 'sparsify',
  files: `${configFile} + ${weightsFile}`,
  recognises: ({ file, names }) =>
    names.has(configFile) && names.has(weightsFile) && (file === null || file === configFile || file === weightsFile),
  open,
})

async function open({ folder }: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const json = await readJson(join(folder, configFile))
  const config = parseConfig(json)
  const { transcoder, skipConnection } = config
  const { hook, place, parent } = findHook(folder)
  // Training leaves one that names the model, for all hooks together.
  const run = await readOptionalJson(join(parent, 'config.json'))
  const container = await keep(openSafetensors(join(folder, weightsFile), signal))

  const matrices = ['encoder.weight', 'W_dec', ...(skipConnection ? ['W_skip'] : [])]
  refuseUnknownTensors(container, [...matrices, 'encoder.bias', 'b_dec'])
  const n = vectorLength(container, 'encoder.bias')
  const d = vectorLength(container, 'b_dec')
  requireSizes(json, config, n, d)
  // Only its header is looked at: the canonical form does without it.
  if (skipConnection) matrixReader(container, 'W_skip', { rows: d, columns: d, squareIsTransposed: false })
  const readers = [
    matrixReader(container, 'encoder.weight', { rows: n, columns: d, squareIsTransposed: false }),
    matrixReader(container, 'W_dec', { rows: n, columns: d, squareIsTransposed: false }),
    vectorReader(container, 'encoder.bias', n),
    vectorReader(container, 'b_dec', d),
  ] as const
  return {
    files: [json.file, ...(run === null ? [] : [run.file]), container.file],
    features: n,
    dimension: d,
    hook,
    layer: place === 'embedding' ? 0 : hook === null ? null : layerOfHook(hook),
    site: transcoder ? 'transcoder' : place,
    outputSite: transcoder ? place : undefined,
    model: run === null ? null : jsonField(run.file.path, run.fields, 'string', 'model'),
    async read() {
      const [encoder, decoder, bias, decoderBias] = await readAll(readers)
      const activation: CheckpointActivation =
        config.activation === 'topk'
          ? { kind: 'topk', bias, k: config.k, byDecoderNorm: false }
          : { kind: 'groupmax', bias, k: config.k }
      return {
        ...ordinary,
        architecture: `${config.activation}${skipConnection ? '-skip' : ''}${transcoder ? '-transcoder' : ''}`,
        encoder,
        decoder,
        decoderBias,
        activation,
        subtractsDecoderBias: !transcoder,
        skipConnection,
      }
    },
  }
}

interface SparsifyConfig {
  readonly activation: 'topk' | 'groupmax'
  readonly k: number
  readonly transcoder: boolean
  readonly skipConnection: boolean
  /** n, where it is stated. */
  readonly features: number | null
  /** d, likewise. */
  readonly dimension: number | null
}

/** @throws `FORMAT_INVALID`, `ARCHITECTURE_UNKNOWN` */
function parseConfig({ file: { path }, fields }: JsonFile): SparsifyConfig {
  const flag = (name: string) => jsonField(path, fields, 'boolean', name)
  const activation = jsonField(path, fields, 'string', 'activation') ?? 'topk'
  if (activation !== 'topk' && activation !== 'groupmax') {
    const message = `${path}: expected topk or groupmax for "activation", found "${activation}"`
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  if (flag('signed') === true) {
    const why = 'its features may be active with a negative sign, which no threshold expresses'
    throw new SaeMatchError('ARCHITECTURE_UNKNOWN', `${path}: "signed" cannot be read: ${why}`)
  }
  const k = jsonSize(path, fields, 'k')
  if (k === null) throw new SaeMatchError('FORMAT_INVALID', `${path}: expected "k", found none`)
  const dimension = jsonSize(path, fields, 'd_in')
  // 0 stands for none
  const latents = jsonField(path, fields, 'number', 'num_latents') === 0 ? null : jsonSize(path, fields, 'num_latents')
  const factor = jsonSize(path, fields, 'expansion_factor')
  const skipConnection = flag('skip_connection') ?? false
  return {
    activation,
    k,
    // Older transcoders do not say that they are; only transcoders have a skip connection.
    transcoder: flag('transcode') ?? skipConnection,
    skipConnection,
    features: latents ?? (dimension !== null && factor !== null ? dimension * factor : null),
    dimension,
  }
}

/** @throws `TENSOR_SHAPE`, `FORMAT_INVALID` where the sizes of the tensors are not those of the configuration. */
function requireSizes(
  { file }: JsonFile,
  { features, dimension, k, activation }: SparsifyConfig,
  n: number,
  d: number,
) {
  if ((features ?? n) !== n || (dimension ?? d) !== d) {
    const expected = `${features ?? n} features of width ${dimension ?? d}`
    throw new SaeMatchError('TENSOR_SHAPE', `${file.path}: expected ${expected}, found ${n} of width ${d}`)
  }
  if (k > n) throw new SaeMatchError('FORMAT_INVALID', `${file.path}: expected "k" <= ${n}, found ${k}`)
  if (activation === 'groupmax' && n % k !== 0) {
    const message = `${file.path}: expected ${n} features to be ${k} groups of one size, which they are not`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
}

/** How names of modules end; a layer alone is its output. */
const places: readonly (readonly [RegExp, Site])[] = [
  [/(^|\.)(embed_tokens|embed_in|wte)$/, 'embedding'],
  [/(^|\.)(layers|h)\.\d+$/, 'residual'],
  [/\.mlp$/, 'mlp-out'],
  [/\.(attention|attn|self_attn)$/, 'attention-out'],
]

/**
 * The hook that a folder is named after, or one above it where there are several seeds (`layers.3/seed1`), what that is
 * in the model, and the folder of all hooks.
 */
function findHook(folder: string): { hook: string | null; place: Site; parent: string } {
  const isHook = (name: string) => layerOfHook(name) !== null || places[0][0].test(name)
  const own = resolve(folder)
  for (const path of [own, dirname(own)]) {
    const hook = basename(path)
    if (!isHook(hook)) continue
    const place = places.find(([pattern]) => pattern.test(hook))?.[1] ?? 'unknown'
    return { hook, place, parent: dirname(path) }
  }
  return { hook: null, place: 'unknown', parent: dirname(own) }
}
