import { SaeMatchError } from '../errors.js'
import { type JsonFields, jsonField, readJson } from '../formats/json.js'

/** Losses of a language model for one pair, in nats per token, measured where the model runs. */
export interface MeasuredLosses {
  /** What the files of the match are called, `A--B.<hash8>`; null where only the names of the SAEs are given. */
  readonly pair: string | null
  /** Short names as in the run directory. */
  readonly a: string
  readonly b: string
  /**
   * By what gave the hidden state at B (`matched`, `encode_decode_previous`, `encode_decode_current`, `layer_drop`,
   * ...): the loss with it in the place of the true one, less the loss of the model as it is.
   */
  readonly change: ReadonlyMap<string, number>
  /** Where it stands, for messages. */
  readonly where: string
}

/** A match that losses may be of. */
export interface MeasuredPair {
  /** What its files are called. */
  readonly stem: string
  readonly a: string
  readonly b: string
}

/**
 * Reads measured losses: `{ "pairs": [{ "pair", "a", "b", "loss", "losses": { "matched": 3.4, ... } }] }`, where `loss` is
 * that of the model as it is.
 *
 * @throws SaeMatchError `FILE_NOT_FOUND`, `FORMAT_INVALID`
 */
export async function readLosses(path: string): Promise<MeasuredLosses[]> {
  const { fields } = await readJson(path)
  const pairs = fields.get('pairs')
  if (!Array.isArray(pairs)) throw invalid(path, 'a list "pairs"')
  return pairs.map((pair: unknown, p) => {
    const where = `pairs[${p}]`
    if (typeof pair !== 'object' || pair === null) throw invalid(path, `an object for ${where}`)
    const entry: JsonFields = new Map(Object.entries(pair))
    const [a, b] = [jsonField(path, entry, 'string', 'a'), jsonField(path, entry, 'string', 'b')]
    const loss = jsonField(path, entry, 'number', 'loss')
    const losses = jsonField(path, entry, 'object', 'losses')
    if (a === null || b === null || loss === null || losses === null) {
      throw invalid(path, `"a", "b", "loss" and "losses" in ${where}`)
    }
    const change = new Map<string, number>()
    for (const [method, value] of losses) {
      if (typeof value !== 'number') throw invalid(path, `numbers in ${where}.losses`)
      change.set(method, value - loss)
    }
    return { pair: jsonField(path, entry, 'string', 'pair'), a, b, change, where: `${path}: ${where}` }
  })
}

/**
 * The losses of each pair, null where there are none.
 * @throws SaeMatchError `FORMAT_INVALID` where a pair has them twice, or names alone may mean several of the pairs
 */
export function lossesOfPairs(
  losses: readonly MeasuredLosses[],
  pairs: readonly MeasuredPair[],
): (ReadonlyMap<string, number> | null)[] {
  const found = pairs.map((): MeasuredLosses | null => null)
  for (const measured of losses) {
    const meant = [...pairs.keys()].filter((p) => isOf(measured, pairs[p]))
    const stems = new Set(meant.map((p) => pairs[p].stem))
    if (stems.size > 1) {
      const expected = `"pair", one of ${[...stems].join(', ')}: ${measured.a} and ${measured.b} are matched several times`
      throw invalid(measured.where, expected)
    }
    for (const p of meant) {
      if (found[p] !== null) throw invalid(measured.where, `another pair than ${found[p].where}`)
      found[p] = measured
    }
  }
  return found.map((measured) => measured?.change ?? null)
}

function isOf({ pair, a, b }: MeasuredLosses, candidate: MeasuredPair): boolean {
  return pair === null ? a === candidate.a && b === candidate.b : pair === candidate.stem
}

function invalid(where: string, expected: string): SaeMatchError {
  return new SaeMatchError('FORMAT_INVALID', `${where}: expected ${expected}`, {
    hint: 'docs/figures.md says what a file of measured losses holds.',
  })
}
