import type { Neighbours } from '../backend.js'
import { rowsOfColumns } from './partners.js'
import type { CostSource, RowVisitor } from './source.js'

/** Half of {@link Neighbours}: what one side (rows or columns) sees on the other, in the orientation of the solver. */
interface Side {
  /** The nearest other than the partner, the lower index among equals; -1 for none. */
  readonly other: Int32Array
  readonly otherCost: Float64Array
  /** How many come before the partner; -1 without one. */
  readonly rank: Int32Array
  readonly partner: Int32Array
  /** -Infinity without partner, so that nothing comes before it. */
  readonly partnerCost: Float64Array
}

export interface NeighbourSweep {
  /** To be called once for each row, in ascending order. */
  readonly visit: RowVisitor
  /**
   * In the caller's orientation and sign.
   * @param transposed the solver's rows are the caller's columns
   * @param negated the solver's costs are the caller's with the other sign; the greatest is then the nearest
   */
  readonly result: (transposed: boolean, negated: boolean) => Neighbours
}

/** Nearest entries, margins and ranks of both sides, exact, from one pass over all rows. */
export function neighbourSweep(source: CostSource, rowToColumn: Int32Array): NeighbourSweep {
  const rowSide = createSide(rowToColumn)
  const columnSide = createSide(rowsOfColumns(rowToColumn, source.columns))
  rowToColumn.forEach((column, row) => {
    if (column < 0) return
    rowSide.partnerCost[row] = source.cost(row, column)
    columnSide.partnerCost[column] = rowSide.partnerCost[row]
  })

  return {
    visit: (row, costs, columns) => {
      seeFromRow(source, rowSide, row, costs, columns)
      seeFromColumns(source, columnSide, row, costs, columns)
    },
    result: (transposed, negated) =>
      transposed ? neighboursOf(columnSide, rowSide, negated) : neighboursOf(rowSide, columnSide, negated),
  }
}

function createSide(partner: Int32Array): Side {
  return {
    other: new Int32Array(partner.length).fill(-1),
    otherCost: new Float64Array(partner.length).fill(Number.POSITIVE_INFINITY),
    rank: partner.map((other) => (other < 0 ? -1 : 0)),
    partner,
    partnerCost: new Float64Array(partner.length).fill(Number.NEGATIVE_INFINITY),
  }
}

function seeFromRow(
  source: CostSource,
  side: Side,
  row: number,
  costs: Float64Array,
  columns: Int32Array | null,
): void {
  const partner = side.partner[row]
  const partnerCost = side.partnerCost[row]
  const certainlyBefore = partnerCost - source.slack(row)
  let least = Number.POSITIVE_INFINITY
  let nearest = -1
  let rank = 0
  if (!source.exact) {
    // The least bound first: its exact value spares nearly all others.
    nearest = leastBound(costs, partner)
    if (nearest >= 0) least = source.cost(row, nearest)
  }
  for (let e = 0; e < costs.length; e++) {
    const bound = costs[e]
    if (bound > least && bound > partnerCost) continue
    const j = columns === null ? e : columns[e]
    if (j === partner) continue
    let cost = bound
    if (!source.exact && (bound <= least || bound >= certainlyBefore)) cost = source.cost(row, j)
    if (cost < partnerCost || (cost === partnerCost && j < partner)) rank++
    if (cost < least || (cost === least && j < nearest)) {
      least = cost
      nearest = j
    }
  }
  side.other[row] = nearest
  side.otherCost[row] = least
  if (partner >= 0) side.rank[row] = rank
}

function leastBound(costs: Float64Array, except: number): number {
  let least = Number.POSITIVE_INFINITY
  let nearest = -1
  for (let j = 0; j < costs.length; j++) {
    if (costs[j] < least && j !== except) {
      least = costs[j]
      nearest = j
    }
  }
  return nearest
}

function seeFromColumns(
  source: CostSource,
  side: Side,
  row: number,
  costs: Float64Array,
  columns: Int32Array | null,
): void {
  const { other, otherCost, rank, partner, partnerCost } = side
  const slack = source.slack(row)
  for (let e = 0; e < costs.length; e++) {
    const j = columns === null ? e : columns[e]
    const bound = costs[e]
    if (bound >= otherCost[j] && bound > partnerCost[j]) continue
    if (partner[j] === row) continue
    let cost = bound
    if (!source.exact && (bound < otherCost[j] || bound >= partnerCost[j] - slack)) cost = source.cost(row, j)
    if (cost < partnerCost[j] || (cost === partnerCost[j] && row < partner[j])) rank[j]++
    if (cost < otherCost[j]) {
      otherCost[j] = cost
      other[j] = row
    }
  }
}

function neighboursOf(rows: Side, columns: Side, negated: boolean): Neighbours {
  const [nearestColumn, nearestColumnCost] = nearestOf(rows, negated)
  const [nearestRow, nearestRowCost] = nearestOf(columns, negated)
  const margin = rows.otherCost.map((cost, i) =>
    cost === Number.POSITIVE_INFINITY || rows.partner[i] < 0 ? Number.NaN : cost - rows.partnerCost[i],
  )
  return {
    nearestColumn,
    nearestColumnCost,
    nearestRow,
    nearestRowCost,
    margin,
    rankInRow: rows.rank,
    rankInColumn: columns.rank,
  }
}

/** The nearest of all, the partner included, and its cost. */
function nearestOf({ other, otherCost, partner, partnerCost }: Side, negated: boolean): [Int32Array, Float64Array] {
  const cost = new Float64Array(other.length)
  const nearest = other.map((o, i) => {
    const p = partner[i]
    const partnerFirst =
      p >= 0 && (partnerCost[i] < otherCost[i] || (partnerCost[i] === otherCost[i] && p < o) || o < 0)
    const least = partnerFirst ? partnerCost[i] : otherCost[i]
    cost[i] = negated ? -least : least
    return partnerFirst ? p : o
  })
  return [nearest, cost]
}
