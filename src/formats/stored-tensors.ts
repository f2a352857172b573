import { SaeMatchError } from '../errors.js'
import { transpose } from '../tensor/matrix.js'
import { isFloat, matrixOf, toFloat64 } from '../tensor/tensor.js'
import type { StoredMatrix, StoredVector } from './checkpoint.js'
import type { Container } from './container.js'

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

/** Reads a vector of a known length. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` */
export async function readVector(container: Container, name: string, length: number): Promise<StoredVector> {
  checkEntry(container, name, `[${length}]`, [[length]])
  return { file: container.file.path, name, values: toFloat64(await container.read(name)) }
}

/** The length of a vector, from its header. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` where it is empty or no vector. */
export function vectorLength(container: Container, name: string): number {
  const length = container.tensors.get(name)?.shape[0] ?? 0
  checkEntry(container, name, 'of one dimension, not empty,', length > 0 ? [[length]] : [])
  return length
}

/**
 * Reads a weight matrix as a view with the given rows and columns. The shape decides whether it is stored so or
 * transposed; where rows = columns it is what the format says.
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`
 */
export async function readMatrix(
  container: Container,
  name: string,
  options: { rows: number; columns: number; squareIsTransposed: boolean },
): Promise<StoredMatrix> {
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
  const matrix = matrixOf(await container.read(name))
  return { file, name, matrix: transposed ? transpose(matrix) : matrix }
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
 * Reads the optional factor [n] on every feature's activation; all ones count as none.
 * @param asked whether the configuration asks for it; a factor that it does not ask for is `FORMAT_INVALID`.
 */
export async function readFeatureScale(
  container: Container,
  names: readonly string[],
  length: number,
  asked: boolean,
): Promise<StoredVector | null> {
  const name = names.find((candidate) => container.tensors.has(candidate))
  if (name === undefined) return null
  const vector = await readVector(container, name, length)
  if (vector.values.every((value) => value === 1)) return null
  if (!asked) {
    const message = `${container.file.path}: tensor ${name}: expected all ones, since no configuration asks for a scaling`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  return vector
}
