import { join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type CheckpointActivation, type CheckpointHeader, ordinary } from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, CheckpointOptions, Family, ReadOptions } from './family.js'
import { readJson } from './json.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import { parseConfig, type SaeLensConfig } from './sae-lens-config.js'
import { openSafetensors } from './safetensors.js'
import {
  exponential,
  featureScaleReader,
  matrixReader,
  type Reader,
  readAll,
  refuseUnknownTensors,
  rowCount,
  scalarReader,
  vectorLength,
  vectorReader,
  zeros,
} from './stored-tensors.js'

const configFile = 'cfg.json'
const weightsFile = 'sae_weights.safetensors'

const opening = familyOf({
  name: 'sae-lens',
  files: `${configFile} + ${weightsFile}`,
  recognises: ({ file, names }) =>
    names.has(configFile) && names.has(weightsFile) && (file === null || file === configFile || file === weightsFile),
  open,
})

/**
 * SAELens, before and after version 6: SAEs, transcoders and, by their decoders alone, what does not encode by a linear
 * map. Source: https://github.com/decoderesearch/SAELens, `sae_lens/saes` and
 * `sae_lens/loading/pretrained_sae_loaders.py`.
 */
export const saeLens: Family = {
  ...opening,
  readHeader: async (location, options) => (await headerOfConfig(location)) ?? opening.readHeader(location, options),
}

/** The header where the configuration has all of it; null where the weights must be looked at. */
async function headerOfConfig(location: CheckpointLocation): Promise<CheckpointHeader | null> {
  const json = await readJson(join(location.folder, configFile))
  const { features, inputs, outputs, transcoder, ...config } = parseConfig(json)
  if (features === null || inputs === null || (transcoder && outputs === null)) return null
  return {
    family: opening.name,
    path: location.path,
    files: [json.file.path, weightsPath(location)],
    ...placeOf(config),
    features,
    dimension: inputs,
    outputDimension: outputs ?? undefined,
  }
}

function placeOf({ hook, layer, site, outputSite, model }: ModelPlace): ModelPlace {
  return { hook, layer, site, outputSite, model }
}

function weightsPath({ folder, file }: CheckpointLocation): string {
  return join(folder, file?.endsWith('.safetensors') ? file : weightsFile)
}

async function open(location: CheckpointLocation, options: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const json = await readJson(join(location.folder, configFile))
  const config = parseConfig(json)
  const { architecture, transcoder, skipConnection, decoderOnly, tiedEncoder } = config
  const container = await keep(openSafetensors(weightsPath(location), options.signal))

  const own = ownTensors(config, container)
  const shared = [...(tiedEncoder ? [] : ['W_enc']), 'W_dec', 'b_dec', ...(skipConnection ? ['W_skip'] : [])]
  const ignored = ['sparsity', ...(decoderOnly === null ? [] : ['b_enc'])]
  refuseUnknownTensors(container, [...shared, ...own, ...featureScaleNames, ...ignored], config.otherTensors)

  const n = config.features ?? (decoderOnly === null ? vectorLength(container, own[0]) : rowCount(container, 'W_dec'))
  const written = config.outputs ?? (transcoder ? vectorLength(container, 'b_dec') : null)
  const d = config.inputs ?? (transcoder ? rowCount(container, 'W_enc') : vectorLength(container, 'b_dec'))
  const outputs = written ?? d
  // Only its header is looked at: the canonical form does without it.
  if (skipConnection) matrixReader(container, 'W_skip', { rows: outputs, columns: d, squareIsTransposed: false })
  const readers = [
    tiedEncoder
      ? async () => null
      : matrixReader(container, 'W_enc', { rows: n, columns: d, squareIsTransposed: true }),
    matrixReader(container, 'W_dec', { rows: n, columns: outputs, squareIsTransposed: false }),
    vectorReader(container, 'b_dec', outputs, { leadingOne: decoderOnly !== null }),
    activationReader(container, config, n),
    featureScaleReader(container, featureScaleNames, n, config.scalesFeatures),
  ] as const
  return {
    files: [json.file, container.file],
    features: n,
    dimension: d,
    outputDimension: outputs === d ? undefined : outputs,
    ...placeOf(config),
    async read() {
      const [encoder, decoder, decoderBias, activation, featureScale] = await readAll(readers)
      const { scale, warnings } = activationScale(config, options)
      return {
        ...ordinary,
        architecture,
        encoder: encoder ?? decoder,
        decoder,
        decoderBias,
        activation,
        featureScale,
        subtractsDecoderBias: config.subtractsDecoderBias,
        inputScale: scale,
        outputScale: scale,
        inputNorm: config.inputNorm,
        decoderOnly,
        skipConnection,
        warnings,
      }
    },
  }
}

const featureScaleNames = ['finetuning_scaling_factor', 'scaling_factor'] as const

/** The tensors of an architecture beside the matrices and `b_dec`; all but `topk_threshold` are [n]. */
function ownTensors({ activation, thresholdName }: SaeLensConfig, container: Container): string[] {
  switch (activation.kind) {
    case 'none':
      return []
    case 'relu':
    case 'topk':
      return ['b_enc']
    case 'jumprelu':
      return ['b_enc', container.tensors.has('log_threshold') ? 'log_threshold' : thresholdName]
    case 'gated':
      return ['b_gate', 'b_mag', 'r_mag']
  }
}

function activationReader(container: Container, config: SaeLensConfig, n: number): Reader<CheckpointActivation> {
  const { activation, byDecoderNorm } = config
  const vector = (name: string) => vectorReader(container, name, n)
  switch (activation.kind) {
    case 'none': {
      // What does not encode by a linear map has no bias that belongs to one.
      const bias = zeros(container, 'b_enc', n)
      return async () => ({ kind: 'relu', bias: await bias() })
    }
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
      const name = ownTensors(config, container)[1]
      const threshold = name === 'topk_threshold' ? scalarReader(container, name, n) : vector(name)
      const readers = [vector('b_enc'), name === 'log_threshold' ? exponential(threshold) : threshold] as const
      return async () => {
        const [bias, threshold] = await readAll(readers)
        // A BatchTopK SAE that never set its threshold holds -1 everywhere, which stands for none.
        if (threshold.values.every((value) => value === -1)) return { kind: 'relu', bias }
        return { kind: 'jumprelu', bias, threshold, byDecoderNorm }
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

/** The factor on activations, which SAELens keeps in its registry and not in the checkpoint. */
function activationScale(
  { scalesInput, inputScale }: SaeLensConfig,
  { activationScale: scale }: CheckpointOptions,
): { scale: number; warnings: string[] } {
  if (!scalesInput || scale !== undefined) return { scale: scalesInput ? scale! : inputScale, warnings: [] }
  const warning =
    "Activations are scaled by a factor that is not in the checkpoint (norm_scaling_factor in SAELens's registry); 1 is assumed, pass it as activationScale (--activation-scale)."
  return { scale: 1, warnings: [warning] }
}
