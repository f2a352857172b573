import {
  figureNames,
  type NeighbourArguments,
  proofOrder,
  type SolutionArguments,
  solverOrder,
  sourceOrder,
} from './addon-types.js'
import type { BackendName, Neighbours, Problem, Solution } from './backend.js'

/** Room for the addon to write a solution of `rows` x `columns` into. */
export function solutionArrays(rows: number, columns: number, neighbours: boolean): SolutionArguments {
  return [
    new Int32Array(rows),
    new Int32Array(columns),
    new Float64Array(rows),
    new Float64Array(columns),
    new Float64Array(figureNames.length),
    ...(neighbours ? neighbourArrays(rows, columns) : ([] as [])),
  ]
}

/** The most bytes of arrays that share a buffer: for more of them, making four buffers takes no noticeable time. */
const sharedBuffer = 2 ** 15

/** The same in one buffer where it is small. {@link readSolution} copies out of `figures`, which can be used again. */
export function compactSolutionArrays(
  rows: number,
  columns: number,
  neighbours: boolean,
  figures: Float64Array,
): SolutionArguments {
  const sides = rows + columns
  const bytes = sides * (Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT)
  if (bytes > sharedBuffer) return solutionArrays(rows, columns, neighbours)
  const buffer = new ArrayBuffer(bytes)
  return [
    new Int32Array(buffer, 8 * sides, rows),
    new Int32Array(buffer, 8 * sides + 4 * rows, columns),
    new Float64Array(buffer, 0, rows),
    new Float64Array(buffer, 8 * rows, columns),
    figures,
    ...(neighbours ? neighbourArrays(rows, columns) : ([] as [])),
  ]
}

function neighbourArrays(rows: number, columns: number): NeighbourArguments {
  return [
    new Int32Array(rows),
    new Float64Array(rows),
    new Int32Array(columns),
    new Float64Array(columns),
    new Float64Array(rows),
    new Int32Array(rows),
    new Int32Array(columns),
  ]
}

/** What the addon wrote. */
export function readSolution(arrays: SolutionArguments, { neighbours }: Problem, backend: BackendName): Solution {
  const [rowToColumn, columnToRow, u, v, figures, ...others] = arrays
  // In the order of `figureNames`.
  const [cost, primal, dual, gap, roundingBound, minReducedCost, proof, optimal, solver, source, timedOut] = figures
  const [bids, refreshes, labels, exactCosts, costTime, solveTime, verifyTime] = figures.subarray(11)
  return {
    rowToColumn,
    columnToRow,
    u,
    v,
    cost,
    certificate: {
      primal,
      dual,
      gap,
      roundingBound,
      minReducedCost,
      proof: proofOrder[proof],
      optimal: optimal === 1,
    },
    backend,
    solver: solverOrder[solver],
    source: sourceOrder[source],
    timedOut: timedOut === 1,
    neighbours: neighbours ? readNeighbours(others as NeighbourArguments) : null,
    work: { bids, refreshes, labels, exactCosts },
    milliseconds: { cost: costTime, solve: solveTime, verify: verifyTime },
  }
}

function readNeighbours(arrays: NeighbourArguments): Neighbours {
  const [nearestColumn, nearestColumnCost, nearestRow, nearestRowCost, margin, rankInRow, rankInColumn] = arrays
  return { nearestColumn, nearestColumnCost, nearestRow, nearestRowCost, margin, rankInRow, rankInColumn }
}
