import { SaeMatchError, wrongType, wrongValue } from './errors.js'

/** One of a few words. @throws `INVALID_ARGUMENT` naming them. */
export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const expected = allowed.map((word) => `'${word}'`).join(' or ')
  if (typeof value !== 'string') throw wrongType(name, expected, value)
  if (!allowed.includes(value as T)) throw wrongValue(name, expected, value)
  return value as T
}

/** Rows and columns are at most this many: permutations are Int32Arrays. */
export const largestSize = 2 ** 31 - 1

/** An integer from 0 to `most`. @throws `INVALID_ARGUMENT` */
export function integer(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number') throw wrongType(name, 'an integer', value)
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    throw wrongValue(name, `an integer from 0 to ${most}`, value)
  }
  return value
}

/**
 * Refuses options that do not exist: a misspelt one would be ignored in silence.
 * @throws SaeMatchError `UNKNOWN_OPTION` with the nearest known name
 */
export function rejectUnknownOptions(options: object, known: readonly string[]): void {
  if (options === null || typeof options !== 'object') throw wrongType('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    const suggestion = nearest === null ? '' : `. Did you mean \`${nearest}\`?`
    throw new SaeMatchError('UNKNOWN_OPTION', `Unknown option \`${name}\`${suggestion}`)
  }
}

/** The known name that is least edits away, if it is near enough to be meant. */
export function nearestName(typed: string, known: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.floor(Math.max(typed.length, 3) / 3) + 1
  for (const name of known) {
    const distance = name.startsWith(typed) && typed.length > 1 ? 0 : editDistance(typed, name)
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= from.length; i++) {
    rows.push([i])
    for (let j = 1; j <= to.length; j++) {
      const substitution = rows[i - 1][j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, substitution)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1)
      }
    }
  }
  return rows[from.length][to.length]
}
