import type { HubFile } from './client.js'

/** An SAE in a repository, by the names of its files. */
export interface HubCheckpoint {
  /** The folder of its files, or its one file where the folder holds several SAEs. */
  readonly path: string
  /** Weights, configuration, firing rates. */
  readonly files: readonly HubFile[]
  readonly layer: number | null
  /** As names spell it: `16k`. */
  readonly width: string | null
  /** A number, `canonical`, or a word such as `small`. */
  readonly l0: string | null
}

/** Everything else that a repository may hold in these containers. */
const otherArrays =
  /(^|[/_.-])(sparsity|feature_sparsity|log_feature_sparsity|examples|activations?|optimizer\w*)\.\w+$/i
const configuration = /(^|_)(cfg|config|hyperparams)\.(json|ya?ml)$/i

/**
 * The SAEs among the files of a repository. A file of weights is one; the folder stands for it where it is alone in it.
 * Which family it is of is found out when it is read.
 */
export function checkpointsIn(files: readonly HubFile[]): HubCheckpoint[] {
  const weights = files.filter(({ path }) => isWeights(path))
  const together = groupBy(weights, ({ path }) => homeOf(path))
  return weights.map((file) => {
    const home = homeOf(file.path)
    const path = together.get(home)!.length === 1 && home !== '' ? home : file.path
    const companions = files.filter((other) => belongsTo(other.path, file.path, home))
    return { path, files: [file, ...companions], ...placeOf(file.path) }
  })
}

function isWeights(path: string): boolean {
  // of the states that training leaves in a folder `checkpoints`, only the last is an SAE to compare
  const isState = /(^|\/)checkpoints\/(?!final\.)[^/]+$/.test(path)
  return /\.(npz|safetensors|pt|pth)$/i.test(path) && !otherArrays.test(path) && !isState
}

/** The folder that stands for the SAE of a file of weights. */
function homeOf(path: string): string {
  const parts = path.split('/').slice(0, -1)
  return (parts.at(-1) === 'checkpoints' ? parts.slice(0, -1) : parts).join('/')
}

/** Whether a file says something about the SAE: beside it, or for all SAEs in a folder above. */
function belongsTo(path: string, weights: string, home: string): boolean {
  const [folder, name] = [path.split('/').slice(0, -1).join('/'), path.slice(path.lastIndexOf('/') + 1)]
  if (folder === home && /^(feature_)?sparsity\.safetensors$/i.test(name)) return true
  if (!configuration.test(name)) return false
  const stem = name.replace(configuration, '')
  const isOwn =
    stem === '' || /^(wandb-|wanb-)?$/.test(stem) || weights.slice(weights.lastIndexOf('/') + 1).startsWith(stem)
  return isOwn && (folder === home || folder === '' || home.startsWith(`${folder}/`))
}

/** What the names of folders and files say. */
export function placeOf(path: string): Pick<HubCheckpoint, 'layer' | 'width' | 'l0'> {
  const parts = path.split('/').reverse()
  const find = (...patterns: RegExp[]) => {
    for (const part of parts) for (const pattern of patterns) if (pattern.test(part)) return pattern.exec(part)![1]
    return null
  }
  const layer = find(
    /(?:^|[_.-])(?:layers?|blocks|h)[_.-]?(\d+)(?![\d])/i,
    /(?:^|[_.-])L(\d+)(?:[RMAT]|TC)?(?:[_.-]|$)/,
    /^(\d+)-/,
  )
  return {
    layer: crosscoderLayer(parts) ?? (layer === null ? null : Number(layer)),
    width: find(/width_(\d+[km])(?:_|$)/),
    l0: find(/^average_l0_(\d+)$/, /^(canonical)$/, /_l0_([a-z]+|\d+)(?:_|$)/),
  }
}

/** `layer_5_9_12_.../params_layer_1.safetensors` belongs to layer 9. */
function crosscoderLayer([file, folder]: readonly string[]): number | null {
  const [, place] = /^params_layer_(\d+)\./.exec(file) ?? []
  const [, layers] = /^layer_(\d+(?:_\d+)+)_width_/.exec(folder ?? '') ?? []
  const layer = place === undefined ? undefined : layers?.split('_')[Number(place)]
  return layer === undefined ? null : Number(layer)
}

/** Values by a key, in the order in which keys first appear. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
