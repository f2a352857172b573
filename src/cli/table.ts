import { stripVTControlCharacters } from 'node:util'

/** A column of a table. */
export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly align: 'left' | 'right'
}

/** Lines of aligned columns, two spaces apart; colour codes take no room. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: (title: string) => string,
): string[] {
  const widths = columns.map(({ title }, c) => Math.max(...[title, ...rows.map((row) => row[c])].map(visibleWidth)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => {
        const padding = ' '.repeat(widths[c] - visibleWidth(cell))
        return columns[c].align === 'right' ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => style(title))), ...rows.map(line)]
}

/** Pairs of a term and its description; the terms form a column. */
export function renderDefinitions(entries: readonly (readonly [string, string])[], width: number): string[] {
  const indent = Math.max(...entries.map(([term]) => visibleWidth(term))) + 2
  return entries.flatMap(([term, description]) => {
    const lines = wrap(description, Math.max(width - indent, 20))
    return lines.map(
      (line, i) => (i === 0 ? term + ' '.repeat(indent - visibleWidth(term)) : ' '.repeat(indent)) + line,
    )
  })
}

/** Breaks text between words into lines of at most `width`. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]
    if (last !== undefined && visibleWidth(last) + 1 + visibleWidth(word) <= width)
      lines[lines.length - 1] += ` ${word}`
    else lines.push(word)
  }
  return lines
}

/** What a user should know, a sentence each, as lines of at most `width`. */
export function warningLines(warnings: readonly string[], width: number, style: (line: string) => string): string[] {
  return warnings.flatMap((warning) => wrap(`! ${warning}`, width).map(style))
}

/** Columns a text takes on a terminal. */
export function visibleWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length
}
