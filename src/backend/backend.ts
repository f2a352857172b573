import type { Rows } from '../sae/rows.js'
import type { RowMath } from '../tensor/row-math.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'

/** The engines. `cuda` is `native` with the costs of feature rows formed and scanned on GPUs. */
export type BackendName = 'typescript' | 'native' | 'cuda'
/**
 * `shortlist`: exact, and made for costs of features. `jv`: the textbook dense solver, exact. `greedy`: the cheapest
 * pairs first, not exact; its certificate tells the true gap. `auction` is not in this version (`SOLVER_UNAVAILABLE`).
 */
export type SolverName = 'jv' | 'shortlist' | 'auction' | 'greedy'
/**
 * Where costs come from: a whole matrix in memory, feature rows from which entries are formed when asked for, or the
 * caller's lists of allowed pairs.
 */
export type SourceName = 'dense' | 'implicit' | 'sparse'

/** How a running job is told to stop and tells how far it is. Both are optional everywhere. */
export interface RunControl {
  readonly signal?: AbortSignal | undefined
  /** Called on the JavaScript thread with monotone progress; `done === total` ends a phase. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** How far a job is. */
export interface Progress {
  /** `cost`, `solve` or `verify`, in this order. */
  readonly phase: string
  /** Steps of the phase so far; only its ratio to `total` means anything. */
  readonly done: number
  readonly total: number
}

/** A caller's cost matrix. The given numbers are the truth. `+Infinity` forbids a pair (`-Infinity` when maximizing). */
export interface MatrixCosts {
  readonly kind: 'matrix'
  /** The entry of row i and column j is `data[i * rowStride + j]`. */
  readonly data: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
  readonly rowStride: number
}

/**
 * A caller's lists of allowed pairs, checked: their parts fit together and every column exists. A pair that is not
 * listed is forbidden, and so is one listed with `+Infinity` (`-Infinity` when maximizing).
 */
export interface SparseCosts extends SparseMatrix {
  readonly kind: 'sparse'
  readonly indptr: Float64Array
}

/** Bytes a cost matrix may take unless the caller says otherwise: a fixed number, so that a run is the same everywhere. */
export const defaultMemoryBudget = 4e9

/**
 * Whether rows are compared as they are, by `|x - y|^2`, or up to their sign, by the lesser of `|x - y|^2` and
 * `|x + y|^2`.
 */
export type RowSign = 'same' | 'either'

/**
 * Squared Euclidean distances of feature rows. The f64 value of `|x_i - y_j|^2` of the stored rows is the truth (the
 * lesser of it and that of `-x_i` where the sign is `either`).
 */
export interface RowCosts {
  readonly kind: 'rows'
  readonly a: Rows
  readonly b: Rows
  /** Default `same`. */
  readonly sign?: RowSign
  /** `dense` forms the matrix, `implicit` never does, `auto` takes dense where it fits `memoryBudget`. */
  readonly source: Exclude<SourceName, 'sparse'> | 'auto'
  /** Bytes that costs may take; see {@link defaultMemoryBudget}. */
  readonly memoryBudget: number
}

/** A linear assignment problem, validated. Every shape is allowed: n < m, n > m, empty. */
export interface Problem {
  readonly costs: MatrixCosts | SparseCosts | RowCosts
  readonly maximize: boolean
  /** lambda: what a pair missing from a full assignment costs; `Infinity` asks for the full assignment of the shorter side. */
  readonly unmatchedCost: number
  /** `auto`: what the backend thinks best. */
  readonly solver: SolverName | 'auto'
  /** Also compute {@link Neighbours} in the final sweep. */
  readonly neighbours: boolean
  /** `full`: an independent final sweep over every entry; `shortlist`: the proof from the solver's lists and bounds. */
  readonly verify: 'full' | 'shortlist'
  /**
   * Prices of the longer side (of the columns if both are equal) for solver `shortlist` to start from, in the caller's
   * sign. Any finite numbers are sound; good ones save work.
   */
  readonly prices?: Float64Array | undefined
  /**
   * Seconds from the start after which the solver stops and makes a whole assignment of what it has. Forming costs
   * before, the proof after and solver `greedy`, in which others end, are not cut short. Waiting for other jobs to leave a
   * GPU does not count. Default Infinity.
   */
  readonly timeLimit?: number | undefined
}

/**
 * The proof that comes with every result (docs/method.md#what-a-certificate-proves).
 * `dual` is a rigorous lower bound computed from the column prices alone.
 */
export interface Certificate {
  /** The cost of the assignment, the lambda terms included. */
  readonly primal: number
  /** sum u + sum v */
  readonly dual: number
  /** primal - dual */
  readonly gap: number
  /** 4 * 2^-52 * sum_i (|c_i,pi(i)| + |u_i| + |v_pi(i)|) */
  readonly roundingBound: number
  /** The least c_ij - u_i - v_j over all pairs. */
  readonly minReducedCost: number
  /** What the dual bound was computed from: every entry, or the solver's lists and bounds. */
  readonly proof: 'shortlist' | 'full'
  /** |gap| <= roundingBound, and nothing else. */
  readonly optimal: boolean
}

/**
 * Nearest columns and rows by cost, from the final sweep: exact, ties to the lower index.
 * A rank counts the entries of the row (column) that come before the partner; 0 means the partner is the nearest,
 * -1 that there is no partner.
 */
export interface Neighbours {
  /** [n] nearest column of each row, -1 if the row has none. */
  readonly nearestColumn: Int32Array
  /** [n] its cost. */
  readonly nearestColumnCost: Float64Array
  /** [m] nearest row of each column. */
  readonly nearestRow: Int32Array
  /** [m] its cost. */
  readonly nearestRowCost: Float64Array
  /** [n] least cost of another column less the partner's cost; negative where a nearer one exists; NaN without partner or other column. */
  readonly margin: Float64Array
  /** [n] rank of the partner in its row's order. */
  readonly rankInRow: Int32Array
  /** [m] rank of the partner in its column's order. */
  readonly rankInColumn: Int32Array
}

/** What every row finds nearest, [rows, count] row-major. */
export interface NearestRows {
  readonly index: Int32Array
  /** Exact costs, rising along each row. */
  readonly cost: Float64Array
  /** The one that found them. */
  readonly backend: BackendName
}

/** What a backend returns for a {@link Problem}, in the caller's orientation and sign. */
export interface Solution {
  /** [n], -1 where unmatched. */
  readonly rowToColumn: Int32Array
  /** [m], -1 where unmatched. */
  readonly columnToRow: Int32Array
  /** [n] audited row prices. */
  readonly u: Float64Array
  /** [m] audited column prices. */
  readonly v: Float64Array
  readonly cost: number
  readonly certificate: Certificate
  /** The backend that ran. */
  readonly backend: BackendName
  /** The solver that ran. */
  readonly solver: SolverName
  readonly source: SourceName
  /** The time limit cut the solver short: `certificate.gap` says how far at most the result is from the optimum. */
  readonly timedOut: boolean
  readonly neighbours: Neighbours | null
  /** Counted work, equal on every run: bids, refreshed lists, labels settled in searches, exact entries computed. */
  readonly work: {
    readonly bids: number
    readonly refreshes: number
    readonly labels: number
    readonly exactCosts: number
  }
  readonly milliseconds: { readonly cost: number; readonly solve: number; readonly verify: number }
}

/**
 * One of the three engines. Chosen once, named in every result, never changed silently: what `auto` does again on another
 * one warns, and its result names that one (fallback.ts).
 */
export interface Backend extends RowMath {
  readonly name: BackendName
  /** The instruction set that really runs, e.g. `avx2`; null for the TypeScript backend. */
  readonly simd: string | null
  readonly threads: number
  /** Which solvers {@link solve} takes. */
  readonly solvers: readonly SolverName[]

  /** Squared norms of every block of every row, [rows, blocks] row-major: the parts of |x_i|^2. Reports no progress. */
  squaredBlockNorms(rows: Rows, control?: RunControl): Promise<Float64Array>
  /**
   * Squared distances by block of the pairs (aIndex[p], bIndex[p]), [pairs, blocks] row-major; they sum to the exact
   * cost. Reports no progress.
   */
  pairCosts(a: Rows, b: Rows, aIndex: Int32Array, bIndex: Int32Array, control?: RunControl): Promise<Float64Array>
  /** The whole cost matrix [n, m] in f32, each entry within rounding of the f32 product of the true value. */
  costMatrix(a: Rows, b: Rows, control: RunControl): Promise<Float32Array>
  /**
   * For every row of `a` its `count` nearest rows of `b` by exact cost, nearest first, the lower index among equals.
   * @param count at most `b.count`
   * @param sign default `same`
   */
  nearestRows(a: Rows, b: Rows, count: number, control: RunControl, sign?: RowSign): Promise<NearestRows>
  solve(problem: Problem, control: RunControl): Promise<Solution>
  /** {@link solve} on the calling thread, which it blocks: the same answer to the bit. */
  solveSync(problem: Problem): Solution
  /** Ends worker threads, if there are any; they start again when needed. */
  close(): Promise<void>
}
