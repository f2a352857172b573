import type { Certificate, Neighbours, Solution, SolverName, SourceName } from '../backend.js'
import type { Market } from './market.js'
import { rowsOfColumns } from './partners.js'

/** What a solver hands over, in the orientation of its source. */
export interface Answer {
  /** [n], -1 where unmatched */
  readonly rowToColumn: Int32Array
  /** [m] */
  readonly v: Float64Array
  /** The solver's lists, whose bounds can prove the answer; null where it keeps none. */
  readonly market: Market | null
  readonly bids: number
  readonly refreshes: number
  readonly labels: number
}

/** How the solver's problem came from the caller's. */
export interface Origin {
  /** Rows and columns were exchanged. */
  readonly transposed: boolean
  /** Costs were negated. */
  readonly negated: boolean
  readonly source: SourceName
  readonly solver: SolverName
}

/** Brings an answer back into the caller's orientation and sign. Gap and bounds speak of the minimised problem. */
export function toSolution(parts: {
  readonly answer: Answer
  readonly u: Float64Array
  readonly v: Float64Array
  readonly certificate: Certificate
  readonly neighbours: Neighbours | null
  readonly exactCosts: number
  readonly milliseconds: Solution['milliseconds']
  readonly origin: Origin
  readonly timedOut: boolean
}): Solution {
  const { answer, u, v, certificate, neighbours, exactCosts, milliseconds, origin, timedOut } = parts
  const { rowToColumn, bids, refreshes, labels } = answer
  const { transposed, negated, source, solver } = origin
  const columnToRow = rowsOfColumns(rowToColumn, v.length)
  const signed = (prices: Float64Array) => (negated ? prices.map(negative) : prices)
  const primal = negated ? negative(certificate.primal) : certificate.primal
  const dual = negated ? negative(certificate.dual) : certificate.dual
  return {
    rowToColumn: transposed ? columnToRow : rowToColumn,
    columnToRow: transposed ? rowToColumn : columnToRow,
    u: signed(transposed ? v : u),
    v: signed(transposed ? u : v),
    cost: primal,
    certificate: { ...certificate, primal, dual },
    backend: 'typescript',
    solver,
    source,
    timedOut,
    neighbours,
    work: { bids, refreshes, labels, exactCosts },
    milliseconds,
  }
}

/** The solution of a problem without rows or columns. */
export function emptySolution(
  rows: number,
  columns: number,
  neighbours: boolean,
  { source, solver }: { source: SourceName; solver: SolverName },
): Solution {
  const nobody = (length: number) => new Int32Array(length).fill(-1)
  const nothing = (length: number, value: number) => new Float64Array(length).fill(value)
  return {
    rowToColumn: nobody(rows),
    columnToRow: nobody(columns),
    u: nothing(rows, 0),
    v: nothing(columns, 0),
    cost: 0,
    certificate: { primal: 0, dual: 0, gap: 0, roundingBound: 0, minReducedCost: 0, proof: 'full', optimal: true },
    backend: 'typescript',
    solver,
    source,
    timedOut: false,
    neighbours: neighbours
      ? {
          nearestColumn: nobody(rows),
          nearestColumnCost: nothing(rows, Number.POSITIVE_INFINITY),
          nearestRow: nobody(columns),
          nearestRowCost: nothing(columns, Number.POSITIVE_INFINITY),
          margin: nothing(rows, Number.NaN),
          rankInRow: nobody(rows),
          rankInColumn: nobody(columns),
        }
      : null,
    work: { bids: 0, refreshes: 0, labels: 0, exactCosts: 0 },
    milliseconds: { cost: 0, solve: 0, verify: 0 },
  }
}

/** Without a negative zero. */
function negative(value: number): number {
  return 0 - value
}
