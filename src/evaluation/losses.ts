import { SaeMatchError } from '../errors.js'
import { type JsonFields, jsonField, readJson } from '../formats/json.js'

/** Losses of a language model for one pair, in nats per token, measured where the model runs. */
export interface MeasuredLosses {
  /** Short names as in the run directory. */
  readonly a: string
  readonly b: string
  /**
   * By what gave the hidden state at B (`matched`, `encode_decode_previous`, `encode_decode_current`, `layer_drop`,
   * ...): the loss with it in the place of the true one, less the loss of the model as it is.
   */
  readonly change: ReadonlyMap<string, number>
}

/**
 * Reads measured losses: `{ "pairs": [{ "a", "b", "loss", "losses": { "matched": 3.4, ... } }] }`, where `loss` is that
 * of the model as it is.
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
    return { a, b, change }
  })
}

/** The losses of a pair, null where there are none. */
export function lossesOf(losses: readonly MeasuredLosses[], a: string, b: string): ReadonlyMap<string, number> | null {
  return losses.find((entry) => entry.a === a && entry.b === b)?.change ?? null
}

function invalid(path: string, expected: string): SaeMatchError {
  return new SaeMatchError('FORMAT_INVALID', `${path}: expected ${expected}`, {
    hint: 'docs/figures.md says what a file of measured losses holds.',
  })
}
