import { SaeMatchError } from '../../errors.js'
import type { CostSource } from './source.js'
import { rowRange } from './source.js'
import type { Steps } from './steps.js'

const rowsPerSlice = 64
const none = -1

/** Which pairs are allowed, one bit each: 32 columns a word, `words` words a row. */
interface Allowed {
  readonly rows: number
  readonly columns: number
  readonly words: number
  readonly bits: Int32Array
}

/**
 * A matching of every row along allowed pairs (those of finite cost), continued from `rowToColumn`: Hopcroft-Karp over
 * bit sets. The costs themselves play no part.
 * @param rowToColumn [n] a matching along allowed pairs, -1 where there is none
 * @param caller what the caller calls the solver's rows and columns, for the message
 * @throws `INFEASIBLE` naming a row of a Hall violator: rows that share fewer allowed columns than they are.
 */
export function* completeMatching(
  source: CostSource,
  rowToColumn: Int32Array,
  caller: { row: string; column: string },
): Steps<Int32Array> {
  const allowed = yield* allowedPairs(source)
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

function* allowedPairs(source: CostSource): Steps<Allowed> {
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
  return { rows, columns, words, bits }
}

/** Every row without a column takes the first allowed one that nobody has. */
function takeFreeColumns({ rows, words, bits }: Allowed, partner: Int32Array, owner: Int32Array): void {
  const untaken = columnSet(owner.length)
  owner.forEach((row, column) => {
    if (row !== none) untaken[column >> 5] &= ~(1 << (column & 31))
  })
  for (let row = 0; row < rows; row++) {
    if (partner[row] !== none) continue
    for (let w = 0; w < words; w++) {
      const candidates = bits[row * words + w] & untaken[w]
      if (candidates === 0) continue
      const column = 32 * w + lowestBit(candidates)
      partner[row] = column
      owner[column] = row
      untaken[w] &= ~(candidates & -candidates)
      break
    }
  }
}

/**
 * Breadth-first: the least number of pairs that an alternating path from a row without a column to each row has, -1
 * where there is none. Returns whether some path ends in a free column.
 */
function layer({ words, bits }: Allowed, partner: Int32Array, owner: Int32Array, level: Int32Array): boolean {
  const unseen = columnSet(owner.length)
  const queue: number[] = []
  partner.forEach((column, row) => {
    level[row] = column === none ? 0 : -1
    if (column === none) queue.push(row)
  })
  let found = false
  for (let head = 0; head < queue.length; head++) {
    const row = queue[head]
    for (let w = 0; w < words; w++) {
      let candidates = bits[row * words + w] & unseen[w]
      unseen[w] &= ~candidates
      for (; candidates !== 0; candidates &= candidates - 1) {
        const next = owner[32 * w + lowestBit(candidates)]
        if (next === none) {
          found = true
        } else if (level[next] < 0) {
          level[next] = level[row] + 1
          queue.push(next)
        }
      }
    }
  }
  return found
}

/** Depth-first along the layers, every column used at most once: a maximal set of disjoint augmenting paths. */
function augmentLayered(
  { rows, words, bits }: Allowed,
  partner: Int32Array,
  owner: Int32Array,
  level: Int32Array,
): void {
  const unused = columnSet(owner.length)
  // Where each row goes on: a word, and the columns of that word it has not tried.
  const word = new Int32Array(rows)
  const untried = new Int32Array(rows).fill(-1)
  for (let start = 0; start < rows; start++) {
    if (partner[start] !== none) continue
    const path = [start]
    const through: number[] = []
    while (path.length > 0) {
      const row = path[path.length - 1]
      const column = nextColumn(row)
      if (column === none) {
        path.pop()
        through.pop()
        continue
      }
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

  function nextColumn(row: number): number {
    for (; word[row] < words; word[row]++, untried[row] = -1) {
      const w = word[row]
      for (let candidates = bits[row * words + w] & unused[w] & untried[row]; candidates !== 0; ) {
        const bit = candidates & -candidates
        candidates ^= bit
        untried[row] &= ~bit
        const column = 32 * w + lowestBit(bit)
        const next = owner[column]
        if (next === none || level[next] === level[row] + 1) {
          unused[w] &= ~bit
          return column
        }
      }
    }
    return none
  }
}

/** The rows that alternating paths reach from a row without a column share fewer columns than they are. */
function infeasible(
  { rows, columns, words, bits }: Allowed,
  partner: Int32Array,
  owner: Int32Array,
  caller: { row: string; column: string },
): SaeMatchError {
  const first = partner.indexOf(none)
  const unseen = columnSet(columns)
  const reached = [first]
  for (let head = 0; head < reached.length; head++) {
    for (let w = 0; w < words; w++) {
      let candidates = bits[reached[head] * words + w] & unseen[w]
      unseen[w] &= ~candidates
      for (; candidates !== 0; candidates &= candidates - 1) reached.push(owner[32 * w + lowestBit(candidates)])
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

function columnSet(columns: number): Int32Array {
  const set = new Int32Array(Math.ceil(columns / 32)).fill(-1)
  if (columns % 32 !== 0) set[set.length - 1] = 2 ** (columns % 32) - 1
  return set
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}
