import { SaeMatchError, wrongType } from '../errors.js'
import { readNpy } from '../formats/npy.js'
import { isFloat, toFloat64 } from '../tensor/tensor.js'

/** Which tokens count: a file, or [tokens] with 0 for one to leave out (the beginning of a text, padding). */
export type TokenMask = string | Uint8Array

/**
 * Reads a mask: an `.npy` of bool or integers, [tokens], as an attention mask has them: 0 leaves a token out.
 * @throws `TENSOR_SHAPE`, `TENSOR_DTYPE`, and what reading throws; `INVALID_ARGUMENT`
 */
export async function openMask(mask: TokenMask | undefined, signal?: AbortSignal): Promise<Uint8Array | null> {
  if (mask === undefined) return null
  if (mask instanceof Uint8Array) return mask
  if (typeof mask !== 'string') throw wrongType('mask', 'a path or a Uint8Array', mask)
  const tensor = await readNpy(mask, signal)
  if (tensor.shape.length !== 1) {
    throw new SaeMatchError('TENSOR_SHAPE', `${mask}: expected a mask [tokens], found [${tensor.shape}]`)
  }
  if (isFloat(tensor.dtype)) {
    throw new SaeMatchError('TENSOR_DTYPE', `${mask}: expected a mask of bool or integers, found ${tensor.dtype}`)
  }
  return Uint8Array.from(toFloat64(tensor), (value) => (value === 0 ? 0 : 1))
}
