import type { RowSign } from '../backend/backend.js'
import { cachedReference } from '../hub/cache.js'
import { formatReference } from '../hub/reference.js'
import type { Match } from '../matching/result.js'
import { quantileLevels } from '../matching/statistics.js'
import type { Sae } from '../sae/sae.js'
import { type HashedFile, sha256 } from './file-hash.js'
import { canonicalJson } from './json.js'
import type { NpzEntries } from './npz.js'

/** Of every file of a run directory; raised when a reader of an older one would go wrong. */
export const schemaVersion = 1

/** An SAE as an input of a run. */
export interface InputRecord {
  /** The short name that file names bear. */
  readonly name: string
  /** As the user named it. */
  readonly path: string
  /** `hf://owner/name@commit/path`, where it is from the hub. */
  readonly hub: string | null
  readonly family: string
  readonly files: readonly HashedFile[]
  readonly features: number
  readonly dimension: number
  readonly dtypes: { readonly decoder: string; readonly encoder: string }
  readonly architecture: string
  readonly activation: Sae['activation']
  readonly model: string | null
  readonly site: string
  readonly hook: string | null
  readonly layer: number | null
  readonly warnings: readonly string[]
}

/** What a user chose for a run; with the inputs it decides every number of the pair files. */
export interface RunOptions {
  readonly scale: string
  /** `either` where features were compared up to their sign; left out otherwise. */
  readonly sign?: RowSign
  /** The sha256 of the numbers of the alignment, as f64; left out where there is none. */
  readonly alignment?: string
  /** The sha256 of the numbers of the caller's scales, as f64, where `scale` is `stat`; left out otherwise. */
  readonly scales?: readonly [string, string]
  /** The sha256 of the masks of features that were left out, as f64; left out where none was. */
  readonly dead?: readonly [string, string]
  readonly weights: Match['provenance']['weights']
  /** null for Infinity. */
  readonly unmatchedCost: number | null
  /** Where `unmatchedCost` was to be this quantile of the costs of the full match; left out otherwise. */
  readonly unmatchedQuantile?: number
  readonly unfoldable: string
  readonly backend: string
  readonly solver: string
  readonly source: string
  readonly memoryBudget: number
  readonly verify: string
  readonly baselines: string
  readonly seeds: readonly number[]
  /** The factors on the activations of A and B that the user gave, or null. */
  readonly activationScale: readonly [number, number] | null
}

/** Timings of a pair in milliseconds; `total` is everything from files to files. */
export interface PairMilliseconds {
  readonly load: number
  readonly fold: number
  readonly cost: number
  readonly solve: number
  readonly verify: number
  readonly write: number
  readonly total: number
}

/** The record of an input. */
export function inputRecord(name: string, sae: Sae, files: readonly HashedFile[]): InputRecord {
  const { encoder, decoder, source } = sae
  const cached = cachedReference(source.path)
  return {
    name,
    path: source.path,
    hub: cached === null ? null : formatReference(cached),
    family: source.family,
    files,
    features: encoder.rows,
    dimension: encoder.columns,
    dtypes: { decoder: decoder.dtype, encoder: encoder.dtype },
    architecture: sae.architecture,
    activation: sae.activation,
    model: sae.model,
    site: sae.site,
    hook: sae.hook,
    layer: sae.layer,
    warnings: sae.warnings,
  }
}

/** What names the files of a pair: enough to know whether they are there already, before any tensor is read. */
export type NamedInput = Pick<InputRecord, 'name' | 'files'>

/** `A--B.<hash8>`: the hash is of the contents of the inputs and of all options, not of paths or times. */
export function pairStem(a: NamedInput, b: NamedInput, options: RunOptions): string {
  const contents = ({ files }: NamedInput) => files.map((file) => file.sha256).sort()
  const hash = sha256(canonicalJson({ schemaVersion, a: contents(a), b: contents(b), options })).slice(0, 8)
  return `${a.name}--${b.name}.${hash}`
}

/** The arrays of `pairs/A--B.<hash8>.npz`. No timings and no dates: the same match gives the same bytes. */
export function pairArrays(match: Match): NpzEntries {
  const { costs, cosines } = match
  return {
    schema_version: { data: Int32Array.of(schemaVersion), shape: [] },
    a_to_b: match.aToB,
    b_to_a: match.bToA,
    cost: Float32Array.from(costs.total),
    cost_decoder: Float32Array.from(costs.decoder),
    cost_encoder: Float32Array.from(costs.encoder),
    cost_bias: Float32Array.from(costs.bias),
    cosine_decoder: Float32Array.from(cosines.decoder),
    cosine_encoder: Float32Array.from(cosines.encoder),
    margin: Float32Array.from(match.margin),
    confidence: Float32Array.from(match.confidence),
    rank_ab: match.rankAToB,
    rank_ba: match.rankBToA,
    u: match.u,
    v: match.v,
  }
}

/** The contents of `pairs/A--B.<hash8>.json`: everything about a pair that is not one number per feature. */
export function pairRecord(
  match: Match,
  inputs: { readonly a: InputRecord; readonly b: InputRecord },
  options: RunOptions,
  npz: { readonly file: string; readonly sha256: string },
  packageVersion: string,
  milliseconds: PairMilliseconds,
) {
  const { provenance, certificate, summary, distributions } = match
  return {
    schemaVersion,
    package: { name: 'sae-match', version: packageVersion },
    a: inputs.a,
    b: inputs.b,
    options,
    ran: {
      backend: provenance.backend,
      simd: provenance.simd,
      threads: provenance.threads,
      solver: provenance.solver,
      source: provenance.source,
      scale: provenance.scale,
      scoredScale: provenance.scoredScale,
      // what the quantile came to
      ...(provenance.unmatchedQuantile !== undefined && { unmatchedCost: provenance.unmatchedCost }),
    },
    n: match.n,
    m: match.m,
    matched: match.matched,
    unmatched: { a: match.unmatchedA.length, b: match.unmatchedB.length },
    unfoldable: { a: match.unfoldableA, b: match.unfoldableB },
    cost: match.cost,
    certificate,
    summary,
    quantileLevels,
    distributions,
    warnings: match.warnings,
    npz,
    milliseconds,
  }
}

/** The contents of the `.json` of a pair: inputs, options, certificate, statistics, timings. */
export type PairRecord = ReturnType<typeof pairRecord>
