import { type StoredArray, transpose } from '../tensor/matrix.js'
import { allocateTensor, matrixOf, toFloat64 } from '../tensor/tensor.js'
import type { StoredMatrix, StoredVector } from './checkpoint.js'
import type { Container } from './container.js'
import { checkEntry, checkFloat, type Reader } from './stored-tensors.js'

/** Which matrix of a tensor that holds one for each of several places in a model. */
export interface MatrixSlice {
  /** Of each matrix, as it is stored. */
  readonly rows: number
  readonly columns: number
  /** How many there are. */
  readonly count: number
  /** Where they are counted: in front ([count, rows, columns]), or between ([rows, count, columns]). */
  readonly axis: 0 | 1
  /** The one that is meant. */
  readonly index: number
}

/** A matrix out of several, and which of them hold anything but zeros (null where the others were not looked at). */
export interface SlicedMatrix extends StoredMatrix {
  readonly filled: readonly boolean[] | null
}

/** Numbers of the tensor that are in memory at once, about, beside the matrix. */
const pieceNumbers = 2 ** 22

/**
 * Checks the header of a tensor of several matrices, to be read as one of them; the others are not kept.
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`
 */
export function matrixSliceReader(container: Container, name: string, slice: MatrixSlice): Reader<SlicedMatrix> {
  const { rows, columns, count, axis, index } = slice
  const file = container.file.path
  const shape = axis === 0 ? [count, rows, columns] : [rows, count, columns]
  checkEntry(container, name, `[${shape.join(', ')}]`, [shape])
  const dtype = checkFloat(container, name)
  return async () => {
    const result = allocateTensor(dtype, [rows, columns], false, `${file}: ${name}`)
    const target = result.data as StoredArray
    const matrix = matrixOf(result)
    if (axis === 0) {
      let at = 0
      for await (const { data } of container.readRows(name, 1)) {
        if (at++ < index) continue
        target.set(data as StoredArray)
        break
      }
      return { file, name: `${name}[${index}]`, matrix, filled: null }
    }
    const filled = new Array<boolean>(count).fill(false)
    let row = 0
    for await (const piece of container.readRows(name, Math.max(1, Math.floor(pieceNumbers / (count * columns))))) {
      const numbers = piece.data as StoredArray
      for (let i = 0; i < piece.shape[0]; i++, row++) {
        for (let j = 0; j < count; j++) {
          const own = numbers.subarray((i * count + j) * columns, (i * count + j + 1) * columns)
          if (j === index) target.set(own, row * columns)
          filled[j] ||= holdsNumbers(own)
        }
      }
    }
    return { file, name: `${name}[:, ${index}]`, matrix, filled }
  }
}

/** The same for a matrix that is meant with rows and columns exchanged. */
export function transposedSliceReader(container: Container, name: string, slice: MatrixSlice): Reader<StoredMatrix> {
  const read = matrixSliceReader(container, name, slice)
  return async () => {
    const { file, name: of, matrix } = await read()
    return { file, name: of, matrix: transpose(matrix) }
  }
}

/**
 * Checks the header of `count` vectors [count, length], to be read as one of them or as their sum.
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`
 */
export function vectorSliceReader(
  container: Container,
  name: string,
  count: number,
  length: number,
  which: number | 'sum',
): Reader<StoredVector> {
  checkEntry(container, name, `[${count}, ${length}]`, [[count, length]])
  return async () => {
    const all = toFloat64(await container.read(name))
    const vectors = Array.from({ length: count }, (_, i) => all.subarray(i * length, (i + 1) * length))
    const values = which === 'sum' ? sum(vectors, length) : Float64Array.from(vectors[which])
    return { file: container.file.path, name: which === 'sum' ? name : `${name}[${which}]`, values }
  }
}

function sum(vectors: readonly Float64Array[], length: number): Float64Array {
  return Float64Array.from({ length }, (_, k) => vectors.reduce((total, vector) => total + vector[k], 0))
}

/** Whether any number is not zero; the sign of a half float's zero is its highest bit. */
function holdsNumbers(values: StoredArray): boolean {
  if (values instanceof Uint16Array) return values.some((pattern) => (pattern & 0x7fff) !== 0)
  return values.some((value) => value !== 0)
}
