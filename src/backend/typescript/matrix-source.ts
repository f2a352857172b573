import type { CostSource } from './source.js'

/** The exact costs of a row-major matrix [rows, columns], in memory. */
export function matrixSource(data: Float32Array | Float64Array, rows: number, columns: number): CostSource {
  return {
    rows,
    columns,
    exact: true,
    visit: data instanceof Float64Array ? visitor64(data, columns) : visitor32(data, columns),
    cost: (row, column) => data[row * columns + column],
    slack: () => 0,
    exactCosts: () => 0,
  }
}

function visitor64(data: Float64Array, columns: number): CostSource['visit'] {
  return (rows, visitor) => {
    for (let r = 0; r < rows.length; r++) {
      visitor(rows[r], data.subarray(rows[r] * columns, (rows[r] + 1) * columns))
    }
  }
}

/** Rows are widened one at a time, so that every loop over costs meets one array type. */
function visitor32(data: Float32Array, columns: number): CostSource['visit'] {
  const costs = new Float64Array(columns)
  return (rows, visitor) => {
    for (let r = 0; r < rows.length; r++) {
      costs.set(data.subarray(rows[r] * columns, (rows[r] + 1) * columns))
      visitor(rows[r], costs)
    }
  }
}
