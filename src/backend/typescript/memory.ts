import { SaeMatchError } from '../../errors.js'

type Floats = Uint16Array | Int32Array | Float32Array | Float64Array
interface FloatsOver<T, B extends ArrayBufferLike> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: B, byteOffset?: number, length?: number): T
}

/** `length` zeros that worker threads share. @throws `OUT_OF_MEMORY` naming `what` they are for */
export function allocateShared<T extends Floats>(
  Type: FloatsOver<T, SharedArrayBuffer>,
  length: number,
  what: string,
): T {
  const bytes = Type.BYTES_PER_ELEMENT * length
  return orOutOfMemory(bytes, what, () => new Type(new SharedArrayBuffer(bytes)))
}

/** The array itself if worker threads can share it, otherwise a copy that they can. @throws `OUT_OF_MEMORY` */
export function shared<T extends Floats>(array: T, allocate: typeof allocateShared): T {
  if (array.buffer instanceof SharedArrayBuffer) return array
  const copy = allocate(array.constructor as FloatsOver<T, SharedArrayBuffer>, array.length, 'a copy of a tensor')
  copy.set(array)
  return copy
}

/** A copy that can be moved to another thread. @throws `OUT_OF_MEMORY` */
export function movableCopy<T extends Floats>(array: T): T {
  return orOutOfMemory(array.byteLength, 'a copy of the costs', () => array.slice() as T)
}

/** `length` zeros for costs. @throws `OUT_OF_MEMORY` */
export function allocateMatrix(Type: Float64ArrayConstructor, length: number): Float64Array {
  return orOutOfMemory(Type.BYTES_PER_ELEMENT * length, 'a copy of the costs', () => new Type(length))
}

function orOutOfMemory<T>(bytes: number, what: string, allocate: () => T): T {
  try {
    return allocate()
  } catch (cause) {
    throw new SaeMatchError('OUT_OF_MEMORY', `${bytes} bytes for ${what} could not be allocated`, { cause })
  }
}
