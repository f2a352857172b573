import type { Backend } from '../backend/backend.js'
import type { Rows, SaeRows } from '../sae/rows.js'

/** Bytes that the costs of a block of rows may take. */
const blockBytes = 2 ** 26

/**
 * The nearest feature of B for every feature of A, for matches that come without it: exact, ties to the lower index, as
 * the sweep of `match` has it. Distances in f32 narrow the choice, exact ones decide.
 *
 * @param a rows of A
 * @param b rows of B, made with the same options
 * @returns [n] in the order of A's features, -1 for features that have no row
 */
export async function nearestFeatures(
  a: SaeRows,
  b: SaeRows,
  backend: Backend,
  signal?: AbortSignal,
): Promise<Int32Array> {
  const nearest = new Int32Array(a.blocks[0].matrix.rows).fill(-1)
  if (b.count === 0) return nearest
  const features = a.index ?? Int32Array.from({ length: a.count }, (_, i) => i)
  const norms = await rowNorms(b, backend, signal)
  const size = Math.max(1, Math.floor(blockBytes / Float32Array.BYTES_PER_ELEMENT / b.count))
  for (let from = 0; from < a.count; from += size) {
    signal?.throwIfAborted()
    const index = features.subarray(from, from + size)
    const block: Rows = { blocks: a.blocks, width: a.width, count: index.length, index }
    const costs = await backend.costMatrix(block, b, { signal })
    const own = await rowNorms(block, backend, signal)
    const [row, column]: [number[], number[]] = [[], []]
    for (let r = 0; r < index.length; r++) {
      const entries = costs.subarray(r * b.count, (r + 1) * b.count)
      let limit = Number.POSITIVE_INFINITY
      for (let j = 0; j < entries.length; j++) {
        limit = Math.min(limit, entries[j] + costError(a.width, own[r], norms[j]))
      }
      for (let j = 0; j < entries.length; j++) {
        if (entries[j] - costError(a.width, own[r], norms[j]) > limit) continue
        row.push(r)
        column.push(j)
      }
    }
    const exact = await backend.pairCosts(block, b, Int32Array.from(row), Int32Array.from(column), { signal })
    const blocks = a.blocks.length
    const best = new Float64Array(index.length).fill(Number.POSITIVE_INFINITY)
    for (let p = 0; p < row.length; p++) {
      let cost = 0
      for (let k = 0; k < blocks; k++) cost += exact[p * blocks + k]
      if (cost >= best[row[p]]) continue
      best[row[p]] = cost
      nearest[index[row[p]]] = b.index?.[column[p]] ?? column[p]
    }
  }
  return nearest
}

/** [rows] |x_i| */
async function rowNorms(rows: Rows, backend: Backend, signal?: AbortSignal): Promise<Float64Array> {
  const squares = await backend.squaredBlockNorms(rows, { signal })
  const blocks = rows.blocks.length
  return Float64Array.from({ length: rows.count }, (_, r) =>
    Math.sqrt(squares.subarray(r * blocks, (r + 1) * blocks).reduce((x, y) => x + y, 0)),
  )
}

/** How far a stored squared distance may be from the exact one (docs/method.md#errors-of-f32-products), generously. */
function costError(width: number, x: number, y: number): number {
  const product = 4 * (384 + Math.ceil(width / 384) + 8) * 2 ** -24 * x * y
  return product + 2 ** -22 * (x * x + y * y)
}
