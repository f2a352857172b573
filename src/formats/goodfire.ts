import { resolve, sep } from 'node:path'
import { ordinary } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader } from './stored-tensors.js'
import { openTorch } from './torch.js'
import { isTorchFile, torchFileHas } from './torch-families.js'

const tensors = ['encoder_linear.weight', 'encoder_linear.bias', 'decoder_linear.weight', 'decoder_linear.bias']

/**
 * Goodfire's SAEs of Llama 3, each one `.pt` or `.pth` file: ReLU, two linear layers.
 * Source: https://huggingface.co/Goodfire/Llama-3.1-8B-Instruct-SAE-l19, the model card.
 */
export const goodfire: Family = familyOf({
  name: 'goodfire',
  files: 'a .pt file with encoder_linear and decoder_linear',
  recognises: isTorchFile,
  holds: (location, options) => torchFileHas(location, options, tensors),
  open,
})

async function open({ path }: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const container = await keep(openTorch(path, signal))
  refuseUnknownTensors(container, tensors)
  const n = vectorLength(container, 'encoder_linear.bias')
  const d = vectorLength(container, 'decoder_linear.bias')
  const readers = [
    matrixReader(container, 'encoder_linear.weight', { rows: n, columns: d, squareIsTransposed: false }),
    matrixReader(container, 'decoder_linear.weight', { rows: n, columns: d, squareIsTransposed: true }),
    vectorReader(container, 'encoder_linear.bias', n),
    vectorReader(container, 'decoder_linear.bias', d),
  ] as const
  return {
    files: [container.file],
    features: n,
    dimension: d,
    ...parsePath(path),
    async read() {
      const [encoder, decoder, bias, decoderBias] = await readAll(readers)
      return { ...ordinary, architecture: 'ReLU', encoder, decoder, decoderBias, activation: { kind: 'relu', bias } }
    },
  }
}

/** What `Llama-3.1-8B-Instruct-SAE-l19`, the name of file or repository, says. */
function parsePath(path: string): ModelPlace {
  for (const part of resolve(path).split(sep).reverse()) {
    const [, model, layer] = /(Llama-.+)-SAE-l(\d+)/.exec(part) ?? []
    if (layer === undefined) continue
    const hook = `blocks.${Number(layer)}.hook_resid_post`
    return { hook, layer: Number(layer), site: 'residual', model: `meta-llama/${model}` }
  }
  return { hook: null, layer: null, site: 'unknown', model: null }
}
