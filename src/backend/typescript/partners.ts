/** The other direction of a one-to-one matching: [columns] the row of each column, -1 where there is none. */
export function rowsOfColumns(rowToColumn: Int32Array, columns: number): Int32Array {
  const columnToRow = new Int32Array(columns).fill(-1)
  rowToColumn.forEach((column, row) => {
    if (column >= 0) columnToRow[column] = row
  })
  return columnToRow
}
