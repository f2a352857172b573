import { type CsvCell, encodeCsv } from '../output/csv.js'
import type { Table, TableColumn } from './match-table.js'

/** The formats of files that a table can be written as. */
export const tableFormats = ['csv', 'parquet', 'jsonl'] as const

export type TableFormat = (typeof tableFormats)[number]

/**
 * The contents of a file of that format. Missing numbers are empty in csv, NaN in Parquet and null in JSON; integers without a
 * value are -1 everywhere, so that columns of integers stay what they are.
 */
export async function encodeTable(table: Table, format: TableFormat): Promise<Uint8Array | string> {
  switch (format) {
    case 'csv':
      return encodeCsv(
        table.map(({ name }) => name),
        [...rows(table)],
      )
    case 'jsonl':
      return [...rows(table)].map((row) => `${JSON.stringify(named(table, row))}\n`).join('')
    case 'parquet':
      return encodeParquet(table)
  }
}

async function encodeParquet(table: Table): Promise<Uint8Array> {
  // read only where somebody writes Parquet
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const columnData = table.map(({ name, data }) => {
    const type = data instanceof Int32Array ? 'INT32' : data instanceof Float32Array ? 'FLOAT' : 'STRING'
    return { name, data: Array.from<number | string | null>(data), type, nullable: type === 'STRING' } as const
  })
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'sae-match' }))
}

function* rows(table: Table): Generator<CsvCell[]> {
  const count = table[0]?.data.length ?? 0
  for (let row = 0; row < count; row++) yield table.map(({ data }) => cell(data, row))
}

/** An f32 is written with the fewest digits that give it back. */
function cell(data: TableColumn['data'], row: number): CsvCell {
  const value = data[row]
  if (typeof value !== 'number' || !(data instanceof Float32Array)) return value
  if (!Number.isFinite(value)) return Number.isNaN(value) ? null : value
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}

function named(table: Table, row: readonly CsvCell[]) {
  return Object.fromEntries(table.map(({ name }, place) => [name, row[place]]))
}
