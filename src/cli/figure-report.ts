import type { Figure, FigureCell, FigureColumn } from '../figures/figure.js'
import { comparable, decimals, percent, significant, whole } from './numbers.js'
import { renderTable, warningLines, wrap } from './table.js'
import type { Colors } from './terminal.js'

/** A figure as a table. Columns without a title are for files. */
export function renderFigure(
  { title, paper, columns, rows, note }: Figure,
  warnings: readonly string[],
  out: string | null,
  colors: Colors,
  width: number,
): string {
  const shown = columns.flatMap((column, c) =>
    column.title === '' ? [] : [{ column, cells: rows.map((row) => row[c]) }],
  )
  const cells = shown.map(({ column, cells: values }) => formatColumn(column, values))
  const table = renderTable(
    shown.map(({ column }) => ({ title: column.title, align: column.format === 'text' ? 'left' : 'right' })),
    rows.map((_, r) => cells.map((column) => column[r])),
    colors.dim,
  )
  const lines = [
    ...table,
    '',
    ...wrap(note, width - 2).map(colors.dim),
    ...(out === null ? [] : [colors.dim(out)]),
    ...warningLines(warnings, width - 2, colors.yellow),
  ]
  const heading = `${colors.bold(title)}  (figure ${paper} of the paper)`
  return [heading, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n')
}

function formatColumn({ format }: FigureColumn, cells: readonly FigureCell[]): string[] {
  const numbers = cells.map((cell) => (typeof cell === 'number' ? cell : Number.NaN))
  if (format === 'text') return cells.map((cell) => (cell === null ? '' : String(cell)))
  if (format === 'comparable') return comparable(numbers)
  const one = { whole, percent, significant, decimals: (value: number) => decimals(value, 3) }[format]
  return numbers.map((number) => one(number))
}
