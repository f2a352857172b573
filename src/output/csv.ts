/** A cell: text is guarded against being read as a formula, numbers are written as they are, null is left empty. */
export type CsvCell = string | number | null

/** A csv file (RFC 4180 quoting, `\n` line ends) with a header line. */
export function encodeCsv(columns: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(encodeCell).join(',')}\n`).join('')
}

function encodeCell(cell: CsvCell): string {
  if (cell === null || (typeof cell === 'number' && Number.isNaN(cell))) return ''
  if (typeof cell === 'number') return String(cell)
  // spreadsheets run cells that start so as formulas; a leading apostrophe makes them text
  const inert = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert
}
