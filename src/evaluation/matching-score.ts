import type { FeatureActivations } from './encode.js'

/**
 * How often the two features of a pair are active together, each SAE on the true hidden state of its own layer
 * (docs/method.md#matching-score). Means are NaN where nothing supports them.
 */
export interface MatchingScore {
  /** Mean over the matched features i of A with nA > 0 of P(B|A) = n11 / nA. */
  readonly matchingScore: number
  /** Mean over the matched features with nB > 0 of P(A|B) = n11 / nB. */
  readonly macroAGivenB: number
  /** Mean over the matched features with nA + nB > 0 of n11 / (nA + nB - n11). */
  readonly macroJaccard: number
  /** `sum n11 / sum nA` over the matched features. */
  readonly microBGivenA: number
  /** `sum n11 / sum nB` */
  readonly microAGivenB: number
  /** `sum n11 / sum (nA + nB - n11)` */
  readonly microJaccard: number
  /** Number of features in each mean: what is never active is not scored as 0. */
  readonly support: { readonly bGivenA: number; readonly aGivenB: number; readonly jaccard: number }
}

/** Counts of single pairs, in the order of A's features; [n] each. */
export interface PairCounts {
  /** Tokens on which feature i of A and its partner are active together; 0 without a partner. */
  readonly together: Int32Array
  /** Tokens on which feature i of A is active. */
  readonly activeA: Int32Array
  /** Tokens on which the partner is active; 0 without a partner. */
  readonly activeB: Int32Array
}

/** Counts of active features of two SAEs over the same tokens. */
export class Coactivation {
  tokens = 0
  private readonly activeA: Int32Array
  private readonly activeB: Int32Array
  private readonly together: readonly Int32Array[]
  /** [m] the last token, counted from 1, on which a feature of B was active. */
  private readonly lastActive: Float64Array

  /** @param matchings [n] feature of B for each feature of A, -1 for none; as many as are to be scored */
  constructor(
    n: number,
    m: number,
    private readonly matchings: readonly Int32Array[],
  ) {
    this.activeA = new Int32Array(n)
    this.activeB = new Int32Array(m)
    this.together = matchings.map(() => new Int32Array(n))
    this.lastActive = new Float64Array(m)
  }

  /** Adds token t of both. */
  add(a: FeatureActivations, b: FeatureActivations, t: number): void {
    const token = ++this.tokens
    for (let e = b.indptr[t]; e < b.indptr[t + 1]; e++) {
      this.activeB[b.indices[e]]++
      this.lastActive[b.indices[e]] = token
    }
    for (let e = a.indptr[t]; e < a.indptr[t + 1]; e++) {
      const i = a.indices[e]
      this.activeA[i]++
      for (let which = 0; which < this.matchings.length; which++) {
        const j = this.matchings[which][i]
        if (j >= 0 && this.lastActive[j] === token) this.together[which][i]++
      }
    }
  }

  /** The counts of one matching. */
  counts(which: number): PairCounts {
    const activeB = this.matchings[which].map((j) => (j < 0 ? 0 : this.activeB[j]))
    return { together: this.together[which], activeA: this.activeA, activeB }
  }

  /** The summary of one matching. */
  score(which: number): MatchingScore {
    const { together, activeA, activeB } = this.counts(which)
    const pairs = Int32Array.from(together.keys()).filter((i) => this.matchings[which][i] >= 0)
    const shares = (of: (i: number) => number) => {
      const supported = pairs.filter((i) => of(i) > 0)
      return {
        macro: mean(Float64Array.from(supported, (i) => together[i] / of(i))),
        micro: sum(Float64Array.from(supported, (i) => together[i])) / sum(Float64Array.from(supported, of)),
        support: supported.length,
      }
    }
    const [bGivenA, aGivenB] = [shares((i) => activeA[i]), shares((i) => activeB[i])]
    const jaccard = shares((i) => activeA[i] + activeB[i] - together[i])
    return {
      matchingScore: bGivenA.macro,
      macroAGivenB: aGivenB.macro,
      macroJaccard: jaccard.macro,
      microBGivenA: bGivenA.micro,
      microAGivenB: aGivenB.micro,
      microJaccard: jaccard.micro,
      support: { bGivenA: bGivenA.support, aGivenB: aGivenB.support, jaccard: jaccard.support },
    }
  }

  /** Active features per token (L0) and never-active features of both SAEs. */
  activity(): { l0: { a: number; b: number }; neverActive: { a: number; b: number } } {
    const per = (counts: Int32Array) => sum(Float64Array.from(counts)) / this.tokens
    const never = (counts: Int32Array) => counts.filter((count) => count === 0).length
    return {
      l0: { a: per(this.activeA), b: per(this.activeB) },
      neverActive: { a: never(this.activeA), b: never(this.activeB) },
    }
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}

function mean(values: Float64Array): number {
  return sum(values) / values.length
}
