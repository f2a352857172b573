import { writeSaeLens } from './checkpoint-files.js'
import { mulberry32 } from './random.js'
import { normals } from './synthetic-sae.js'

/** What a layer of a small model has; thresholds make it foldable. */
export interface LayerSpec {
  readonly layer: number
  readonly features?: number
  readonly dimension?: number
  readonly hook?: string
  readonly thresholds?: boolean
  readonly seed?: number
}

/** Writes a SAELens checkpoint of random weights; gives its folder. */
export function writeLayer(folder: string, spec: LayerSpec): string {
  const { layer, features: n = 12, dimension: d = 4, hook = 'hook_resid_post', thresholds = true, seed = layer } = spec
  const random = mulberry32(1000 + seed)
  const config = {
    architecture: thresholds ? 'jumprelu' : 'standard',
    d_in: d,
    d_sae: n,
    metadata: { hook_name: `blocks.${layer}.${hook}`, model_name: 'small' },
  }
  const threshold = { data: Float64Array.from({ length: n }, () => 1 + random()), shape: [n] }
  return writeSaeLens(folder, config, {
    W_enc: { data: normals(random, n * d), shape: [d, n] },
    W_dec: { data: normals(random, n * d), shape: [n, d] },
    b_enc: { data: normals(random, n), shape: [n] },
    b_dec: { data: normals(random, d), shape: [d] },
    ...(thresholds ? { threshold } : {}),
  })
}
