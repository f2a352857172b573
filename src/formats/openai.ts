import { resolve, sep } from 'node:path'
import { describe, SaeMatchError } from '../errors.js'
import { ordinary } from './checkpoint.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { siteOfHook } from './hook.js'
import { familyOf, type Keep, type ModelPlace, type OpenCheckpoint } from './open-checkpoint.js'
import { matrixReader, readAll, refuseUnknownTensors, vectorLength, vectorReader } from './stored-tensors.js'
import { openTorch, type TorchContainer } from './torch.js'
import { isTorchFile, torchFileHas } from './torch-families.js'

const own = ['pre_bias', 'latent_bias', 'encoder.weight']
/** `decoder.linear` is the encoder of a tied SAE once more. */
const optional = ['decoder.weight', 'decoder.linear.weight']
const statistics = ['stats_last_nonzero', 'latents_activation_frequency', 'latents_mean_square']

/**
 * OpenAI's SAEs of GPT-2 small, a `.pt` file a layer: TopK of what LayerNorm normalised, or ReLU.
 * Source: https://github.com/openai/sparse_autoencoder, `sparse_autoencoder/model.py` and `paths.py`.
 */
export const openai: Family = familyOf({
  name: 'openai',
  files: 'a .pt file with pre_bias and latent_bias',
  recognises: isTorchFile,
  holds: (location, options) => torchFileHas(location, options, own),
  open,
})

async function open({ path }: CheckpointLocation, { signal }: ReadOptions, keep: Keep): Promise<OpenCheckpoint> {
  const container = await keep(openTorch(path, signal))
  refuseUnknownTensors(container, [...own, ...optional, ...statistics])
  const n = vectorLength(container, 'latent_bias')
  const d = vectorLength(container, 'pre_bias')
  const k = parseK(container, n)
  const decoderName = container.tensors.has('decoder.weight') ? 'decoder.weight' : 'encoder.weight'
  const isTied = decoderName === 'encoder.weight'
  const readers = [
    matrixReader(container, 'encoder.weight', { rows: n, columns: d, squareIsTransposed: false }),
    isTied ? async () => null : matrixReader(container, decoderName, { rows: n, columns: d, squareIsTransposed: true }),
    vectorReader(container, 'pre_bias', d),
    vectorReader(container, 'latent_bias', n),
  ] as const
  return {
    files: [container.file],
    features: n,
    dimension: d,
    ...parsePath(path),
    async read() {
      const [encoder, decoder, decoderBias, bias] = await readAll(readers)
      return {
        ...ordinary,
        architecture: k === null ? 'ReLU' : 'TopK',
        encoder,
        decoder: decoder ?? encoder,
        decoderBias,
        activation: k === null ? { kind: 'relu', bias } : { kind: 'topk', bias, k, byDecoderNorm: false },
        subtractsDecoderBias: true,
        // The original, too, knows by the activation alone whether it normalises.
        inputNorm: k === null ? 'none' : 'layer-norm',
      }
    },
  }
}

/** The k of a TopK SAE, or null for ReLU. @throws `ARCHITECTURE_UNKNOWN`, `FORMAT_INVALID` */
function parseK({ file: { path }, values }: TorchContainer, n: number): number | null {
  const unknown = (name: string, expected: string) => {
    const message = `${path}: expected ${expected} for "${name}", found ${describe(values.get(name))}`
    return new SaeMatchError('ARCHITECTURE_UNKNOWN', message)
  }
  const activation = values.get('activation') ?? 'ReLU'
  if (activation === 'ReLU') return null
  if (activation !== 'TopK') throw unknown('activation', 'ReLU or TopK')
  const after = 'activation_state_dict.postact_fn'
  if ((values.get(after) ?? 'ReLU') !== 'ReLU') throw unknown(after, 'ReLU')
  const k = values.get('activation_state_dict.k')
  if (typeof k === 'number' && Number.isInteger(k) && k > 0 && k <= n) return k
  const message = `${path}: expected a number from 1 to ${n} for "activation_state_dict.k", found ${describe(k)}`
  throw new SaeMatchError('FORMAT_INVALID', message)
}

/** The hooks of TransformerLens that OpenAI's names stand for. */
const hooks: Readonly<Record<string, string>> = {
  mlp_post_act: 'mlp.hook_post',
  resid_delta_attn: 'hook_attn_out',
  resid_post_attn: 'hook_resid_mid',
  resid_delta_mlp: 'hook_mlp_out',
  resid_post_mlp: 'hook_resid_post',
}

/** What `gpt2-small/resid_post_mlp_v5_32k/autoencoders/6.pt` says. */
function parsePath(path: string): ModelPlace {
  const parts = resolve(path).split(sep).reverse()
  const layer = /^(\d+)\.pth?$/.exec(parts[0])?.[1]
  const place = parts.map((part) => part.replace(/_v\d+(_\d+k)?$/, '')).find((part) => Object.hasOwn(hooks, part))
  const hook = place === undefined || layer === undefined ? null : `blocks.${Number(layer)}.${hooks[place]}`
  return {
    hook,
    layer: layer === undefined ? null : Number(layer),
    site: hook === null ? 'unknown' : siteOfHook(hook),
    model: parts.includes('gpt2-small') ? 'gpt2-small' : null,
  }
}
