import { join, resolve, sep } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { type Checkpoint, type CheckpointHeader, ordinary, type Site } from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import { openNpz } from './npz.js'
import {
  featureScaleReader,
  matrixReader,
  readAll,
  refuseUnknownTensors,
  vectorLength,
  vectorReader,
} from './stored-tensors.js'

const weightsFile = 'params.npz'

/**
 * Gemma Scope 1: one `params.npz` and no configuration; model, site, layer, width and L0 are in the path. JumpReLU
 * without subtraction of the decoder bias. Source: https://huggingface.co/google/gemma-scope.
 */
export const gemmaScope: Family = {
  name: 'gemma-scope',
  files: weightsFile,
  recognises: ({ file, names }) => (file === null ? names.has(weightsFile) : file.endsWith('.npz')),
  readHeader,
  read,
}

async function readHeader(location: CheckpointLocation, { signal }: ReadOptions): Promise<CheckpointHeader> {
  const path = weightsPath(location)
  const container = await openNpz(path, signal)
  try {
    const key = keysOf(container)
    const { hook, layer, site, model } = parsePath(path)
    return {
      family: gemmaScope.name,
      path: location.path,
      files: [path],
      hook,
      layer,
      site,
      model,
      features: vectorLength(container, key.encoderBias),
      dimension: vectorLength(container, key.decoderBias),
    }
  } finally {
    await container.close()
  }
}

function weightsPath({ file, folder, path }: CheckpointLocation): string {
  return file === null ? join(folder, weightsFile) : path
}

async function read(location: CheckpointLocation, { signal }: ReadOptions): Promise<Checkpoint> {
  const path = weightsPath(location)
  const container = await openNpz(path, signal)
  try {
    const key = keysOf(container)
    refuseUnknownTensors(container, Object.values(key))
    const n = vectorLength(container, key.encoderBias)
    const d = vectorLength(container, key.decoderBias)
    const readers = [
      matrixReader(container, key.encoder, { rows: n, columns: d, squareIsTransposed: true }),
      matrixReader(container, key.decoder, { rows: n, columns: d, squareIsTransposed: false }),
      vectorReader(container, key.encoderBias, n),
      vectorReader(container, key.threshold, n),
      vectorReader(container, key.decoderBias, d),
      featureScaleReader(container, [key.featureScale], n, false),
    ] as const
    const [encoder, decoder, bias, threshold, decoderBias] = await readAll(readers)
    const { width, ...place } = parsePath(path)
    // The embedding SAEs were trained on embeddings divided by sqrt(d), the factor Gemma multiplies them with.
    const scale = place.site === 'embedding' ? 1 / Math.sqrt(d) : 1
    return {
      ...ordinary,
      source: { family: gemmaScope.name, path: location.path, files: [container.file] },
      architecture: 'jumprelu',
      ...place,
      encoder,
      decoder,
      decoderBias,
      activation: { kind: 'jumprelu', bias, threshold, byDecoderNorm: false },
      inputScale: scale,
      outputScale: scale,
      warnings: width === null || width === n ? [] : [`The path says ${width} features, the file holds ${n}.`],
    }
  } finally {
    await container.close()
  }
}

const spellings = {
  encoder: { usual: 'W_enc', folded: ['wenc', 'we'] },
  decoder: { usual: 'W_dec', folded: ['wdec', 'wd'] },
  encoderBias: { usual: 'b_enc', folded: ['benc', 'be'] },
  decoderBias: { usual: 'b_dec', folded: ['bdec', 'bd'] },
  threshold: { usual: 'threshold', folded: ['threshold'] },
  featureScale: { usual: 'scaling_factor', folded: ['scalingfactor'] },
} as const

type Keys = Record<keyof typeof spellings, string>

/** The file's own spelling of every tensor: case and underscores vary between repositories. */
function keysOf(container: Container): Keys {
  const fold = (name: string) => name.toLowerCase().replaceAll('_', '')
  const keys = Object.entries(spellings).map(([role, { usual, folded }]) => {
    const found = [...container.tensors.keys()].filter((name) => (folded as readonly string[]).includes(fold(name)))
    if (found.length > 1) {
      throw new SaeMatchError(
        'FORMAT_INVALID',
        `${container.file.path}: expected one ${usual}, found ${found.join(' ')}`,
      )
    }
    return [role, found[0] ?? usual]
  })
  return Object.fromEntries(keys) as Keys
}

const widths: Record<string, number> = {
  '4k': 2 ** 12,
  '16k': 2 ** 14,
  '32k': 2 ** 15,
  '65k': 2 ** 16,
  '131k': 2 ** 17,
  '262k': 2 ** 18,
  '524k': 2 ** 19,
  '1m': 2 ** 20,
}

/** What `.../gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz` says; null for what it leaves out. */
export function parsePath(path: string): Pick<Checkpoint, 'model' | 'hook' | 'site' | 'layer' | 'averageL0'> & {
  readonly width: number | null
} {
  const folders = resolve(path).split(sep).reverse()
  const find = (pattern: RegExp) => folders.map((folder) => pattern.exec(folder)).find((match) => match !== null)
  const repository = find(/gemma-scope-(\d+b)-(pt|it)-(res|mlp|att|transcoders)$/)
  const embedding = folders.includes('embedding')
  const layerText = find(/^layer_(\d+)$/)?.[1]
  const layer = layerText === undefined ? (embedding ? 0 : null) : Number(layerText)
  const l0 = find(/^average_l0_(\d+)$/)?.[1]

  const [hook, site] = place(embedding ? 'embedding' : repository?.[3], layer)
  return {
    model: repository ? `google/gemma-2-${repository[1]}${repository[2] === 'it' ? '-it' : ''}` : null,
    hook,
    site,
    layer,
    averageL0: l0 === undefined ? null : Number(l0),
    width: widths[find(/^width_(\d+[km])$/)?.[1] ?? ''] ?? null,
  }
}

function place(kind: string | undefined, layer: number | null): [hook: string | null, site: Site] {
  const block = (hook: string) => (layer === null ? null : `blocks.${layer}.${hook}`)
  switch (kind) {
    case 'embedding':
      return ['hook_embed', 'embedding']
    case 'res':
      return [block('hook_resid_post'), 'residual']
    case 'mlp':
      return [block('hook_mlp_out'), 'mlp-out']
    case 'att':
      return [block('attn.hook_z'), 'hook-z']
    case 'transcoders':
      return [block('ln2.hook_normalized'), 'transcoder']
    default:
      return [null, 'unknown']
  }
}
