import { solveAssignment } from '../assignment/solve.js'
import type { BackendName, Certificate, RunControl } from '../backend/backend.js'
import { type BackendRequest, getBackend } from '../backend/select.js'
import { checkComparable } from '../sae/comparable.js'
import { featureRows, type Rows, weightPresets } from '../sae/rows.js'
import { requireSae, type Sae } from '../sae/sae.js'
import { rejectUnknownOptions } from '../validate.js'
import { mean } from './statistics.js'
import { loadingWarnings } from './warnings.js'

/** Options of {@link featureConsistency}. */
export interface ConsistencyOptions extends RunControl {
  /** Default `auto`: the best one that works here. */
  readonly backend?: BackendRequest | undefined
}

/** A one-to-one matching of the most total cosine. */
export interface CosineMatching {
  /**
   * PW-MCC: the sum of the cosines over the pairs, divided by the number of features of the smaller SAE. arXiv 2505.20254
   * has the absolute cosine, its code the signed one.
   */
  readonly pwMcc: number
  /** [n] feature of B for each feature of A, -1 where B has no more. */
  readonly aToB: Int32Array
  /** [n] the cosine of the two decoders with its sign, in f64; NaN without a partner. */
  readonly cosine: Float64Array
  /** The proof that no matching has more; of the cosines as formed in f32. */
  readonly certificate: Certificate
  /** The share of the pairs, of the features of the smaller SAE, whose cosine is at least each of {@link cosineCutoffs}. */
  readonly sharedFraction: readonly number[]
}

/** How consistent the features of two SAEs are, by their decoders alone. */
export interface FeatureConsistency {
  readonly n: number
  readonly m: number
  /** Of the cosines as they are. */
  readonly signed: CosineMatching
  /** Of their absolute values: a feature and its opposite are one. */
  readonly absolute: CosineMatching
  /** MMCS: the mean over the features of one SAE of the largest cosine with any of the other. Not symmetric. */
  readonly mmcs: { readonly aToB: number; readonly bToA: number }
  /** Features whose decoder is zero; their cosines count as 0. */
  readonly zeroRows: { readonly a: number; readonly b: number }
  readonly backend: BackendName
  /** What a user should know, one sentence each. */
  readonly warnings: readonly string[]
}

/** Where {@link CosineMatching.sharedFraction} is taken. */
export const cosineCutoffs: readonly number[] = Array.from({ length: 21 }, (_, step) => step / 20)

/**
 * PW-MCC, signed and absolute, and MMCS of two SAEs, with the matchings that belong to it (docs/outputs.md). Forms the matrix of
 * all cosines: 4 n m bytes.
 *
 * @param a n features of width d, as `loadSae` gives them
 * @param b m features of the same width
 * @throws SaeMatchError `NOT_COMPARABLE`, `OUT_OF_MEMORY`, `UNKNOWN_OPTION` and the codes of backends; TypeError
 *   `INVALID_ARGUMENT`; the reason of `signal`
 */
export async function featureConsistency(
  a: Sae,
  b: Sae,
  options: ConsistencyOptions = {},
): Promise<FeatureConsistency> {
  requireSae('a', a)
  requireSae('b', b)
  rejectUnknownOptions(options, ['backend', 'signal', 'onProgress'])
  const { signal, onProgress } = options
  const control = { signal, onProgress }
  const comparability = checkComparable(a, b, weightPresets.decoder)
  const backend = await getBackend(options.backend ?? 'auto')
  const [x, y] = [await directions(a), await directions(b)]
  const [n, m] = [x.count, y.count]
  const zero = [await zeroRows(x), await zeroRows(y)]
  const cosines = await backend.costMatrix(x, y, control)
  // |x - y|^2 = 2 - 2 cos of rows of length 1
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) cosines[i * m + j] = zero[0][i] || zero[1][j] ? 0 : 1 - cosines[i * m + j] / 2
  }
  const best = largest(cosines, n, m)
  const mmcs = {
    aToB: mean(await exact(Int32Array.from(best.ofRow.keys()), best.ofRow)),
    bToA: mean(await exact(best.ofColumn, Int32Array.from(best.ofColumn.keys()))),
  }
  const signed = await matchCosines(false)
  for (let entry = 0; entry < cosines.length; entry++) cosines[entry] = Math.abs(cosines[entry])
  const absolute = await matchCosines(true)
  const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0)
  return {
    n,
    m,
    signed,
    absolute,
    mmcs,
    zeroRows: { a: count(zero[0]), b: count(zero[1]) },
    backend: backend.name,
    warnings: [...new Set([...loadingWarnings(a), ...loadingWarnings(b), ...comparability])],
  }

  async function directions(sae: Sae): Promise<Rows> {
    return featureRows(sae, { scale: 'unit', weights: weightPresets.decoder }, backend)
  }

  async function zeroRows(rows: Rows): Promise<Uint8Array> {
    return Uint8Array.from(await backend.squaredBlockNorms(rows, { signal }), (norm) => (norm === 0 ? 1 : 0))
  }

  /** Cosines of pairs in f64. */
  async function exact(i: Int32Array, j: Int32Array): Promise<Float64Array> {
    const squares = await backend.pairCosts(x, y, i, j, { signal })
    return squares.map((square, p) => (zero[0][i[p]] || zero[1][j[p]] ? 0 : Math.max(-1, 1 - square / 2)))
  }

  async function matchCosines(isAbsolute: boolean): Promise<CosineMatching> {
    const { rowToColumn: aToB, certificate } = await solveAssignment(cosines, {
      ...{ rows: n, columns: m, maximize: true, backend: backend.name },
      ...control,
    })
    const matched = Int32Array.from(aToB.keys()).filter((i) => aToB[i] >= 0)
    const found = await exact(
      matched,
      matched.map((i) => aToB[i]),
    )
    const counted = isAbsolute ? found.map(Math.abs) : found
    const cosine = new Float64Array(n).fill(Number.NaN)
    matched.forEach((i, p) => {
      cosine[i] = found[p]
    })
    return {
      pwMcc: mean(counted),
      aToB,
      cosine,
      certificate,
      sharedFraction: cosineCutoffs.map((cutoff) => counted.filter((value) => value >= cutoff).length / counted.length),
    }
  }
}

/** The column of the largest entry of every row, and the row of that of every column; the first of equals. */
function largest(matrix: Float32Array, rows: number, columns: number) {
  const ofRow = new Int32Array(rows)
  const ofColumn = new Int32Array(columns)
  const most = matrix.slice(0, columns)
  for (let i = 0, at = 0; i < rows; i++) {
    let mostOfRow = Number.NEGATIVE_INFINITY
    for (let j = 0; j < columns; j++, at++) {
      const value = matrix[at]
      if (value > mostOfRow) {
        mostOfRow = value
        ofRow[i] = j
      }
      if (value > most[j]) {
        most[j] = value
        ofColumn[j] = i
      }
    }
  }
  return { ofRow, ofColumn }
}
