import { requireAttached } from '../backend/input-memory.js'
import { wrongType, wrongValue } from '../errors.js'
import type { RowBlock, Rows } from '../sae/rows.js'
import type { Dtype, Matrix } from '../tensor/matrix.js'
import { integer, largestSize, oneOf } from '../validate.js'

const arrays = {
  f16: Uint16Array,
  bf16: Uint16Array,
  f32: Float32Array,
  f64: Float64Array,
} as const satisfies Record<Dtype, unknown>

/**
 * Refuses feature rows that are malformed or cannot be compared. `path` stands before `a` and `b` in messages.
 * @throws TypeError, RangeError, `INPUT_DETACHED`
 */
export function checkRowPair(path: string, a: Rows, b: Rows): void {
  checkRows(`${path}a`, a)
  checkRows(`${path}b`, b)
  const widths = (rows: Rows) => rows.blocks.map(({ matrix }) => matrix.columns).join(' + ')
  if (widths(a) !== widths(b)) throw wrongValue(`${path}b`, `blocks of ${widths(a)} columns`, widths(b))
}

/**
 * Everything that is said of feature rows agrees, so that no backend reads past an array or compares only a part.
 * @throws TypeError, RangeError, `INPUT_DETACHED`
 */
export function checkRows(name: string, rows: Rows): void {
  if (typeof rows !== 'object' || rows === null || !Array.isArray(rows.blocks)) {
    throw wrongType(name, 'feature rows', rows)
  }
  const { blocks, index } = rows
  let width = 0
  let stored = 0
  for (const [b, block] of blocks.entries()) {
    const path = `${name}.blocks[${b}]`
    checkBlock(path, block)
    if (b === 0) stored = block.matrix.rows
    if (block.matrix.rows !== stored) throw wrongValue(`${path}.matrix.rows`, String(stored), block.matrix.rows)
    width += block.matrix.columns
  }
  if (width === 0) throw wrongValue(`${name}.blocks`, 'at least one column', blocks)
  if (rows.width !== width) throw wrongValue(`${name}.width`, `${width}, that of all blocks`, rows.width)
  if (index !== null) checkIndex(`${name}.index`, index, stored)
  const count = index?.length ?? stored
  if (rows.count !== count) throw wrongValue(`${name}.count`, String(count), rows.count)
}

function checkBlock(path: string, block: RowBlock): void {
  if (typeof block !== 'object' || block === null) throw wrongType(path, 'a block of feature rows', block)
  const { matrix, scale } = block
  checkMatrix(`${path}.matrix`, matrix)
  if (scale === null) return
  if (!(scale instanceof Float64Array)) throw wrongType(`${path}.scale`, 'a Float64Array or null', scale)
  requireAttached(`${path}.scale`, scale)
  if (scale.length !== matrix.rows) throw wrongValue(`${path}.scale`, `${matrix.rows} elements`, scale)
}

/** @throws TypeError or RangeError that names the member at fault */
export function checkMatrix(path: string, matrix: Matrix): void {
  if (typeof matrix !== 'object' || matrix === null) throw wrongType(path, 'a matrix', matrix)
  const { data, dtype } = matrix
  const ArrayType = arrays[oneOf(`${path}.dtype`, dtype, Object.keys(arrays) as Dtype[])]
  if (!(data instanceof ArrayType)) throw wrongType(`${path}.data`, `a ${ArrayType.name} for ${dtype}`, data)
  requireAttached(`${path}.data`, data)
  const rows = integer(`${path}.rows`, matrix.rows, largestSize)
  const columns = integer(`${path}.columns`, matrix.columns, largestSize)
  const rowStride = integer(`${path}.rowStride`, matrix.rowStride)
  const columnStride = integer(`${path}.columnStride`, matrix.columnStride)
  const offset = integer(`${path}.offset`, matrix.offset)
  if (rows === 0 || columns === 0) return
  const last = offset + (rows - 1) * rowStride + (columns - 1) * columnStride
  if (!(last < data.length)) throw wrongValue(`${path}.data`, `an array of at least ${last + 1} elements`, data)
}

function checkIndex(path: string, index: Int32Array, stored: number): void {
  if (!(index instanceof Int32Array)) throw wrongType(path, 'an Int32Array or null', index)
  requireAttached(path, index)
  const wrong = index.findIndex((row) => row < 0 || row >= stored)
  if (wrong >= 0) throw wrongValue(`${path}[${wrong}]`, `a row below ${stored}`, index[wrong])
}
