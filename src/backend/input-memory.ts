import { SaeMatchError, wrongType } from '../errors.js'

type NumberArray = Uint16Array | Float32Array | Float64Array | Int32Array

/** @throws `INPUT_DETACHED` if the memory of an array was transferred away: it would look empty. */
export function requireAttached(name: string, array: NumberArray): void {
  if (isDetached(array)) throw new SaeMatchError('INPUT_DETACHED', `The memory of \`${name}\` was transferred away`)
}

/** @throws `INVALID_ARGUMENT` if the length of an array may change while a job reads it */
export function requireFixedLength(name: string, array: NumberArray): void {
  const { buffer } = array as { buffer: ArrayBufferLike & { resizable?: boolean; growable?: boolean } }
  if (buffer.resizable || buffer.growable) throw wrongType(name, 'an array over a buffer of fixed length', array)
}

/** Node 20 has no `ArrayBuffer.prototype.detached`, but every method of a detached array throws. */
function isDetached(array: { at(index: number): unknown }): boolean {
  try {
    array.at(0)
    return false
  } catch {
    return true
  }
}
