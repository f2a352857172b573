import type { Backend, RowSign, RunControl } from '../backend/backend.js'
import type { Rows } from '../sae/rows.js'

/**
 * The exact costs of the pairs of an assignment of rows, in the order of the rows that have a partner: what the solver
 * added up.
 */
export async function exactCosts(
  a: Rows,
  b: Rows,
  rowToColumn: Int32Array,
  sign: RowSign,
  backend: Backend,
  { signal }: Pick<RunControl, 'signal'>,
): Promise<Float64Array> {
  const rows = Int32Array.from(rowToColumn.keys()).filter((i) => rowToColumn[i] >= 0)
  const columns = rows.map((i) => rowToColumn[i])
  const blocks = a.blocks.length
  const costsFrom = async (from: Rows) => {
    signal?.throwIfAborted()
    const squares = await backend.pairCosts(from, b, rows, columns, { signal })
    return Float64Array.from(rows, (_, p) => squares.subarray(p * blocks, (p + 1) * blocks).reduce((x, y) => x + y, 0))
  }
  const costs = await costsFrom(a)
  if (sign === 'same') return costs
  const opposite = await costsFrom(negated(a))
  return costs.map((cost, p) => Math.min(cost, opposite[p]))
}

/** The same rows times -1. */
function negated(rows: Rows): Rows {
  const minus = (scale: Float64Array | null, length: number) =>
    scale === null ? new Float64Array(length).fill(-1) : scale.map((factor) => -factor)
  return { ...rows, blocks: rows.blocks.map((block) => ({ ...block, scale: minus(block.scale, block.matrix.rows) })) }
}
