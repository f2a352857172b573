import type { Certificate } from '../backend/backend.js'
import { wrongValue } from '../errors.js'
import type { Matrix } from '../tensor/matrix.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'

/** A cost matrix, a view of one, or the costs of the allowed pairs, and what is asked of it, as in `solveAssignment`. */
export type CertifiedProblem = (
  | { readonly costs: Float32Array | Float64Array; readonly rows: number; readonly columns: number }
  | { readonly costs: Matrix | SparseMatrix }
) & { readonly maximize?: boolean; readonly unmatchedCost?: number }

/** An assignment to be judged. */
export interface Claim {
  /** [rows], -1 where alone. */
  readonly rowToColumn: Int32Array
  /**
   * Prices of the longer side: [columns], or [rows] where there are more rows than columns. The other side's prices
   * are recomputed from them, so a claim cannot flatter itself.
   */
  readonly prices: Float64Array
}

/** A certificate with every condition that does not hold, in words. */
export interface Judgement extends Certificate {
  /** Empty if the claim is an assignment whose prices satisfy every condition to rounding. */
  readonly violations: readonly string[]
}

/**
 * Judges any assignment of a cost matrix or of sparse costs: a solver's, or the caller's own. It shares no code with any
 * solver.
 *
 * Conditions, in the minimised problem with the shorter side as rows (docs/method.md#what-a-certificate-proves):
 * reduced costs are at least 0 everywhere and 0 on pairs; where rows < columns or lambda is finite, v <= 0 with v = 0 on free
 * columns; where lambda is finite, u <= lambda with u = lambda on rows that stay alone. Prices above 0 are a violation
 * there and are cut to 0 for the bound. In the square and full case prices are shifted to a median of 0. A cost that is
 * NaN, or an infinity other than the one that forbids a pair, is a violation too, and so are a column that a sparse row
 * lists twice and one that does not exist: nothing can be proved with them.
 *
 * @throws RangeError if lengths do not fit
 */
export function certify(problem: CertifiedProblem, claim: Claim): Judgement {
  const { maximize = false, unmatchedCost: lambda = Number.POSITIVE_INFINITY } = problem
  const { rows, columns, visit } = entriesOf(problem)
  if (claim.rowToColumn.length !== rows) throw wrongValue('rowToColumn', `${rows} elements`, claim.rowToColumn)
  const transposed = rows > columns
  const n = Math.min(rows, columns)
  const m = Math.max(rows, columns)
  if (claim.prices.length !== m) throw wrongValue('prices', `${m} elements`, claim.prices)
  const sign = maximize ? -1 : 1

  const violations: string[] = []
  const wrong = { count: 0, first: '' }
  const partner = new Int32Array(n).fill(-1)
  const owner = new Int32Array(m).fill(-1)
  for (let row = 0; row < rows; row++) {
    const column = claim.rowToColumn[row]
    if (column === -1) continue
    if (column < 0 || column >= columns) {
      violations.push(`row ${row} has column ${column}, which does not exist`)
      continue
    }
    const [i, j] = transposed ? [column, row] : [row, column]
    if (partner[i] >= 0 || owner[j] >= 0) {
      violations.push(`${transposed ? 'row' : 'column'} ${j} or ${i} has two partners`)
      continue
    }
    partner[i] = j
    owner[j] = i
  }

  const signed = n < m || lambda < Number.POSITIVE_INFINITY
  const v = claim.prices.map((price) => sign * price)
  // Prices that are free up to a shift must not hide a gap behind their size.
  const shift = signed || m === 0 ? 0 : v.slice().sort()[m >> 1]
  for (let j = 0; j < m; j++) {
    if (!Number.isFinite(v[j])) violations.push(`price ${v[j]} of ${j} on the longer side is not finite`)
    v[j] -= shift
    if (!signed) continue
    if (v[j] > 0) violations.push(`price ${v[j]} of ${j} on the longer side is above 0`)
    if (owner[j] < 0 && v[j] < 0) violations.push(`price ${v[j]} of ${j}, which stays alone, is not 0`)
    v[j] = Math.min(v[j], 0)
  }

  const least = new Float64Array(n).fill(Number.POSITIVE_INFINITY)
  const pairCost = new Float64Array(n).fill(Number.POSITIVE_INFINITY)
  visit((row, column, given) => {
    const c = sign * given
    const i = transposed ? column : row
    const j = transposed ? row : column
    if (!(c > Number.NEGATIVE_INFINITY) && ++wrong.count === 1) {
      wrong.first = `${given} in row ${row}, column ${column}`
    }
    if (partner[i] === j) pairCost[i] = c
    const bound = differenceRoundedDown(c, v[j])
    if (bound < least[i]) least[i] = bound
  }, violations)

  const primal = new ExactSum()
  const dual = new ExactSum()
  const gap = new ExactSum()
  let magnitudes = 0
  let minReducedCost = Number.POSITIVE_INFINITY
  for (let i = 0; i < n; i++) {
    const u = Math.min(lambda, least[i])
    const j = partner[i]
    const paid = j < 0 ? lambda : pairCost[i]
    if (j >= 0 && !Number.isFinite(paid)) {
      violations.push(`row ${transposed ? j : i} and column ${transposed ? i : j} are a forbidden pair`)
    }
    if (j < 0 && lambda === Number.POSITIVE_INFINITY) violations.push(`${i} on the shorter side has no partner`)
    if (j >= 0 && paid > lambda) violations.push(`the pair of ${i} on the shorter side costs more than staying alone`)
    minReducedCost = Math.min(minReducedCost, least[i] - u)
    for (const sum of [primal, gap]) sum.add(paid)
    dual.add(u)
    gap.add(-u)
    magnitudes += Math.abs(paid) + Math.abs(u) + (j < 0 ? 0 : Math.abs(v[j]))
  }
  for (const price of v) {
    dual.add(price)
    gap.add(-price)
  }
  if (wrong.count > 0) {
    violations.push(`${wrong.count} costs are NaN or an infinity that allows a pair, the first ${wrong.first}`)
  }
  const roundingBound = 4 * 2 ** -52 * magnitudes
  const optimal = Math.abs(gap.value()) <= roundingBound
  if (!optimal) violations.push(`the gap ${gap.value()} is larger than the rounding bound ${roundingBound}`)
  return {
    primal: sign * primal.value(),
    dual: sign * dual.value(),
    gap: gap.value(),
    roundingBound,
    minReducedCost: n > 0 && m > 0 ? minReducedCost : 0,
    proof: 'full',
    optimal: optimal && violations.length === 0,
    violations,
  }
}

type EntryVisitor = (row: number, column: number, cost: number) => void

/** Every entry once, whichever way the costs are given. @throws RangeError if lengths do not fit */
function entriesOf(problem: CertifiedProblem): {
  readonly rows: number
  readonly columns: number
  /** What is wrong with the lists themselves goes to `violations`. */
  readonly visit: (visitor: EntryVisitor, violations: string[]) => void
} {
  if ('indptr' in problem.costs) return listedEntriesOf(problem.costs)
  if ('dtype' in problem.costs) return viewedEntriesOf(problem.costs)
  const { costs, rows, columns } = problem as { costs: Float32Array | Float64Array; rows: number; columns: number }
  if (costs.length !== rows * columns) throw wrongValue('costs', `${rows * columns} elements`, costs)
  return {
    rows,
    columns,
    visit(visitor) {
      for (let row = 0, e = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, e++) visitor(row, column, costs[e])
      }
    },
  }
}

function viewedEntriesOf(matrix: Matrix): ReturnType<typeof entriesOf> {
  const { data, dtype, rows, columns, rowStride, columnStride, offset } = matrix
  if (dtype !== 'f32' && dtype !== 'f64') throw wrongValue('costs.dtype', "'f32' or 'f64'", dtype)
  const last = rows > 0 && columns > 0 ? offset + (rows - 1) * rowStride + (columns - 1) * columnStride : -1
  if (!(last < data.length)) throw wrongValue('costs.data', `at least ${last + 1} elements`, data)
  return {
    rows,
    columns,
    visit(visitor) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          visitor(row, column, data[offset + row * rowStride + column * columnStride])
        }
      }
    },
  }
}

function listedEntriesOf({ indptr, indices, data, rows, columns }: SparseMatrix): ReturnType<typeof entriesOf> {
  if (indptr.length !== rows + 1) throw wrongValue('costs.indptr', `${rows + 1} elements`, indptr)
  const entries = indptr[rows]
  if (indices.length !== entries) throw wrongValue('costs.indices', `${entries} elements`, indices)
  if (data.length !== entries) throw wrongValue('costs.data', `${entries} elements`, data)
  return {
    rows,
    columns,
    visit(visitor, violations) {
      const lastRow = new Int32Array(columns).fill(-1)
      for (let row = 0, e = 0; row < rows; row++) {
        if (indptr[row] !== e) violations.push(`row ${row} does not begin where the one before it ends`)
        for (; e < indptr[row + 1]; e++) {
          const column = indices[e]
          if (!(column >= 0 && column < columns)) {
            violations.push(`row ${row} lists column ${column}, which does not exist`)
            continue
          }
          if (lastRow[column] === row) violations.push(`row ${row} lists column ${column} twice`)
          lastRow[column] = row
          visitor(row, column, data[e])
        }
      }
    },
  }
}

/** a - b, and one step less if rounding went up. */
function differenceRoundedDown(a: number, b: number): number {
  const rounded = a - b
  if (!Number.isFinite(rounded)) return rounded
  const subtracted = a - rounded
  const kept = rounded + subtracted
  const error = a - kept + (subtracted - b)
  return error < 0 ? nextBelow(rounded) : rounded
}

const one = new Float64Array(1)
const bits = new BigInt64Array(one.buffer)

/** The largest double below a finite x. */
function nextBelow(x: number): number {
  if (x === 0) return -Number.MIN_VALUE
  one[0] = x
  bits[0] += x > 0 ? -1n : 1n
  return one[0]
}

/** A sum that keeps every rounding error as a further term, so that no digit is lost before the end. */
class ExactSum {
  private readonly parts: number[] = []

  add(x: number): void {
    let kept = 0
    for (let part of this.parts) {
      if (Math.abs(x) < Math.abs(part)) [x, part] = [part, x]
      const sum = x + part
      const error = part - (sum - x)
      if (error !== 0) this.parts[kept++] = error
      x = sum
    }
    this.parts.length = kept
    this.parts.push(x)
  }

  value(): number {
    return this.parts.reduce((sum, part) => sum + part, 0)
  }
}
