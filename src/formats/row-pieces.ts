import { allocateTensor, type Tensor } from '../tensor/tensor.js'
import type { TensorEntry } from './container.js'
import { type OpenFile, readBytes } from './file.js'

const pieceBytes = 2 ** 22

/** The bytes of a file from `start` on, `length` of them, in pieces. @throws `FILE_TRUNCATED` */
export async function* filePieces(file: OpenFile, start: number, length: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < length; from += pieceBytes) {
    yield await readBytes(file, start + from, Math.min(pieceBytes, length - from))
  }
}

/**
 * Cuts the bytes of a tensor, which come in pieces of any size, into tensors of `rows` of its rows; the last one has
 * what is left. The rows of a tensor without numbers do not come.
 * @param skip bytes before the first number.
 * @param name of the tensor, for the message of `OUT_OF_MEMORY`.
 */
export async function* cutRows(
  pieces: AsyncIterable<Uint8Array>,
  skip: number,
  { dtype, shape }: TensorEntry,
  rows: number,
  name: string,
): AsyncGenerator<Tensor> {
  const [count, ...width] = shape
  let left = count
  const allocate = () => {
    const tensor = allocateTensor(dtype, [Math.min(rows, left), ...width], false, name)
    return { tensor, bytes: new Uint8Array(tensor.data.buffer), filled: 0 }
  }
  let batch = allocate()
  for await (const piece of pieces) {
    let from = Math.min(skip, piece.length)
    skip -= from
    while (from < piece.length && left > 0) {
      const part = piece.subarray(from, from + batch.bytes.length - batch.filled)
      batch.bytes.set(part, batch.filled)
      batch.filled += part.length
      from += part.length
      if (batch.filled < batch.bytes.length) break
      yield batch.tensor
      left -= batch.tensor.shape[0]
      batch = allocate()
    }
  }
}
