import { SaeMatchError } from '../../errors.js'
import type { AllowedColumns, CostSource } from './source.js'
import { rowRange } from './source.js'
import type { Steps } from './steps.js'

const rowsPerSlice = 64
const none = -1

/** Columns, one bit each. */
type ColumnSet = Int32Array

/** Which pairs are allowed. */
interface Allowed {
  readonly rows: number
  readonly columns: number
  /**
   * The next column of the row that is in the set, `none` where there is no more. `cursors[row]` is how far the row has
   * come, 0 at first.
   */
  next(row: number, set: ColumnSet, cursors: Int32Array): number
}

/**
 * A matching of every row along allowed pairs (those of finite cost), continued from `rowToColumn`: Hopcroft-Karp over
 * bit sets, or over the lists of a source that has them. The costs themselves play no part.
 * @param rowToColumn [n] a matching along allowed pairs, -1 where there is none
 * @param caller what the caller calls the solver's rows and columns, for the message
 * @throws `INFEASIBLE` naming a row of a Hall violator: rows that share fewer allowed columns than they are.
 */
export function* completeMatching(
  source: CostSource,
  rowToColumn: Int32Array,
  caller: { row: string; column: string },
): Steps<Int32Array> {
  const lists = source.allowedColumns()
  const allowed = lists === null ? yield* allowedBits(source) : allowedInLists(source, lists)
  const { rows, columns } = allowed
  const partner = rowToColumn.slice()
  const owner = new Int32Array(columns).fill(none)
  partner.forEach((column, row) => {
    if (column !== none) owner[column] = row
  })
  takeFreeColumns(allowed, partner, owner)
  const level = new Int32Array(rows)
  while (partner.includes(none)) {
    yield
    if (!layer(allowed, partner, owner, level)) throw infeasible(allowed, partner, owner, caller)
    augmentLayered(allowed, partner, owner, level)
  }
  return partner
}

function allowedInLists({ rows, columns }: CostSource, { start, column }: AllowedColumns): Allowed {
  return {
    rows,
    columns,
    next(row, set, cursors) {
      const begin = start[row]
      const end = start[row + 1]
      for (let e = begin + cursors[row]; e < end; e++) {
        const j = column[e]
        if (((set[j >> 5] >> (j & 31)) & 1) === 0) continue
        cursors[row] = e + 1 - begin
        return j
      }
      cursors[row] = end - begin
      return none
    },
  }
}

/** A bit for every pair: 32 columns a word. */
function* allowedBits(source: CostSource): Steps<Allowed> {
  const { rows, columns } = source
  const words = Math.ceil(columns / 32)
  const bits = new Int32Array(rows * words)
  for (let begin = 0; begin < rows; begin += rowsPerSlice) {
    source.visit(rowRange(begin, Math.min(begin + rowsPerSlice, rows)), (row, costs) => {
      for (let j = 0; j < columns; j++) {
        if (costs[j] < Number.POSITIVE_INFINITY) bits[row * words + (j >> 5)] |= 1 << (j & 31)
      }
    })
    yield
  }
  return {
    rows,
    columns,
    next(row, set, cursors) {
      let untried = -1 << (cursors[row] & 31)
      for (let w = cursors[row] >> 5; w < words; w++, untried = -1) {
        const found = bits[row * words + w] & set[w] & untried
        if (found === 0) continue
        const column = 32 * w + lowestBit(found)
        cursors[row] = column + 1
        return column
      }
      cursors[row] = 32 * words
      return none
    },
  }
}

/** Every row without a column takes the first allowed one that nobody has. */
function takeFreeColumns(allowed: Allowed, partner: Int32Array, owner: Int32Array): void {
  const untaken = columnSet(owner.length)
  owner.forEach((row, column) => {
    if (row !== none) remove(untaken, column)
  })
  const cursors = new Int32Array(allowed.rows)
  for (let row = 0; row < allowed.rows; row++) {
    if (partner[row] !== none) continue
    const column = allowed.next(row, untaken, cursors)
    if (column === none) continue
    partner[row] = column
    owner[column] = row
    remove(untaken, column)
  }
}

/**
 * Breadth-first: the least number of pairs that an alternating path from a row without a column to each row has, -1
 * where there is none. Returns whether some path ends in a free column.
 */
function layer(allowed: Allowed, partner: Int32Array, owner: Int32Array, level: Int32Array): boolean {
  const unseen = columnSet(owner.length)
  const cursors = new Int32Array(allowed.rows)
  const queue: number[] = []
  partner.forEach((column, row) => {
    level[row] = column === none ? 0 : -1
    if (column === none) queue.push(row)
  })
  let lastLevel = allowed.rows
  let found = false
  for (let head = 0; head < queue.length && level[queue[head]] <= lastLevel; head++) {
    const row = queue[head]
    for (let j = allowed.next(row, unseen, cursors); j !== none; j = allowed.next(row, unseen, cursors)) {
      remove(unseen, j)
      const next = owner[j]
      if (next === none) {
        found = true
        lastLevel = level[row]
      } else {
        level[next] = level[row] + 1
        queue.push(next)
      }
    }
  }
  return found
}

/** Depth-first along the layers, every column used at most once: a maximal set of disjoint augmenting paths. */
function augmentLayered(allowed: Allowed, partner: Int32Array, owner: Int32Array, level: Int32Array): void {
  const unused = columnSet(owner.length)
  const cursors = new Int32Array(allowed.rows)
  for (let start = 0; start < allowed.rows; start++) {
    if (partner[start] !== none) continue
    const path = [start]
    const through: number[] = []
    while (path.length > 0) {
      const row = path[path.length - 1]
      const column = allowed.next(row, unused, cursors)
      if (column === none) {
        path.pop()
        through.pop()
        continue
      }
      if (owner[column] !== none && level[owner[column]] !== level[row] + 1) continue
      remove(unused, column)
      through.push(column)
      if (owner[column] !== none) {
        path.push(owner[column])
        continue
      }
      for (let step = path.length - 1; step >= 0; step--) {
        partner[path[step]] = through[step]
        owner[through[step]] = path[step]
      }
      break
    }
  }
}

/** The rows that alternating paths reach from a row without a column share fewer columns than they are. */
function infeasible(
  allowed: Allowed,
  partner: Int32Array,
  owner: Int32Array,
  caller: { row: string; column: string },
): SaeMatchError {
  const { rows, columns } = allowed
  const first = partner.indexOf(none)
  const unseen = columnSet(columns)
  const cursors = new Int32Array(rows)
  const reached = [first]
  for (let head = 0; head < reached.length; head++) {
    const row = reached[head]
    for (let j = allowed.next(row, unseen, cursors); j !== none; j = allowed.next(row, unseen, cursors)) {
      remove(unseen, j)
      reached.push(owner[j])
    }
  }
  const { row, column } = caller
  const others = reached.length - 1
  const message =
    others === 0
      ? `No full assignment exists: ${row} ${first} has no allowed ${column}`
      : `No full assignment exists: ${row} ${first} and ${others} other ${row}${others === 1 ? '' : 's'}` +
        ` have only ${others} allowed ${column}${others === 1 ? '' : 's'} between them`
  return new SaeMatchError('INFEASIBLE', message, {
    hint: `Allow more pairs (a cost of Infinity forbids one; there are ${rows} x ${columns}), or give unmatchedCost.`,
  })
}

function columnSet(columns: number): ColumnSet {
  const set = new Int32Array(Math.ceil(columns / 32)).fill(-1)
  if (columns % 32 !== 0) set[set.length - 1] = 2 ** (columns % 32) - 1
  return set
}

function remove(set: ColumnSet, column: number): void {
  set[column >> 5] &= ~(1 << (column & 31))
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}
