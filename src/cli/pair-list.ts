import { SaeMatchError } from '../errors.js'
import type { ListedPair } from '../pairs/options.js'

/**
 * The pairs of a list: two paths or names a line, with a tab or a comma between them. Where a line has a tab, commas are
 * parts of names. Empty lines and lines that begin with `#` are passed over.
 *
 * @param file names the list in messages
 * @throws SaeMatchError `FORMAT_INVALID` with the number of the line
 */
export function parsePairList(text: string, file: string): ListedPair[] {
  const pairs = text.split(/\r?\n/).flatMap((line, index): ListedPair[] => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return []
    const where = `${file}:${index + 1}`
    const [a, b, ...more] = line.split(line.includes('\t') ? '\t' : ',').map((part) => part.trim())
    if (!a || !b || more.length > 0) {
      const expected = 'two paths or names with a tab or a comma between them'
      throw new SaeMatchError('FORMAT_INVALID', `${where}: expected ${expected}, found ${JSON.stringify(line)}`)
    }
    return [{ a, b, where }]
  })
  if (pairs.length === 0) throw new SaeMatchError('FORMAT_INVALID', `${file}: expected pairs, found none`)
  return pairs
}
