import { SaeMatchError } from '../errors.js'
import { transpose } from '../tensor/matrix.js'
import { isFloat, matrixOf, toFloat64 } from '../tensor/tensor.js'
import type { StoredMatrix, StoredVector } from './checkpoint.js'
import type { Container } from './container.js'

/**
 * Reads a tensor whose header was found right. A family makes all its readers before it calls the first, so that a
 * file that lacks its last tensor is refused before anything is allocated.
 */
export type Reader<T> = () => Promise<T>

/** What the readers read, at the same time. */
export function readAll<T extends readonly unknown[]>(readers: { readonly [K in keyof T]: Reader<T[K]> }): Promise<T> {
  return Promise.all(readers.map((read) => read())) as Promise<unknown> as Promise<T>
}

/** What a tensor is expected to be; its header is compared with it before the tensor is read. */
function checkEntry(
  container: Container,
  name: string,
  expected: string,
  shapes: readonly (readonly number[])[],
): void {
  const path = container.file.path
  const entry = container.tensors.get(name)
  if (entry === undefined) {
    const found = [...container.tensors.keys()].join(' ') || 'no tensors'
    throw new SaeMatchError('TENSOR_MISSING', `${path}: expected tensor ${name} ${expected}, found ${found}`)
  }
  if (!shapes.some((shape) => shape.length === entry.shape.length && shape.every((n, i) => n === entry.shape[i]))) {
    throw new SaeMatchError('TENSOR_SHAPE', `${path}: tensor ${name}: expected ${expected}, found [${entry.shape}]`)
  }
}

/** Checks the header of a vector of a known length. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` */
export function vectorReader(container: Container, name: string, length: number): Reader<StoredVector> {
  checkEntry(container, name, `[${length}]`, [[length]])
  return async () => ({ file: container.file.path, name, values: toFloat64(await container.read(name)) })
}

/** The length of a vector, from its header. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` where it is empty or no vector. */
export function vectorLength(container: Container, name: string): number {
  const length = container.tensors.get(name)?.shape[0] ?? 0
  checkEntry(container, name, 'of one dimension, not empty,', length > 0 ? [[length]] : [])
  return length
}

/**
 * Checks the header of a weight matrix, to be read as a view with the given rows and columns. The shape decides whether
 * it is stored so or transposed; where rows = columns it is what the format says.
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`
 */
export function matrixReader(
  container: Container,
  name: string,
  options: { rows: number; columns: number; squareIsTransposed: boolean },
): Reader<StoredMatrix> {
  const { rows, columns, squareIsTransposed } = options
  const file = container.file.path
  const expected = rows === columns ? `[${rows}, ${columns}]` : `[${rows}, ${columns}] or [${columns}, ${rows}]`
  const shapes = [
    [rows, columns],
    [columns, rows],
  ]
  checkEntry(container, name, expected, shapes)
  const { dtype, shape } = container.tensors.get(name)!
  if (!isFloat(dtype)) {
    throw new SaeMatchError('TENSOR_DTYPE', `${file}: tensor ${name}: expected f16, bf16, f32 or f64, found ${dtype}`)
  }
  const transposed = rows === columns ? squareIsTransposed : shape[0] === columns
  return async () => {
    const matrix = matrixOf(await container.read(name))
    return { file, name, matrix: transposed ? transpose(matrix) : matrix }
  }
}

/** @throws `FORMAT_INVALID` for the first tensor that is not among `known`: ignoring it might change the SAE. */
export function refuseUnknownTensors(container: Container, known: readonly string[]): void {
  for (const name of container.tensors.keys()) {
    if (known.includes(name)) continue
    const message = `${container.file.path}: expected only ${known.join(' ')}, found tensor ${name}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
}

/**
 * Checks the header of the optional factor [n] on every feature's activation; all ones count as none.
 * @param asked whether the configuration asks for it; a factor that it does not ask for is `FORMAT_INVALID`.
 */
export function featureScaleReader(
  container: Container,
  names: readonly string[],
  length: number,
  asked: boolean,
): Reader<StoredVector | null> {
  const name = names.find((candidate) => container.tensors.has(candidate))
  if (name === undefined) return async () => null
  const read = vectorReader(container, name, length)
  return async () => {
    const vector = await read()
    if (vector.values.every((value) => value === 1)) return null
    if (asked) return vector
    const message = `${container.file.path}: tensor ${name}: expected all ones, since no configuration asks for a scaling`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
}
