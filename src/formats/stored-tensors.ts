import { SaeMatchError } from '../errors.js'
import { type Dtype, transpose } from '../tensor/matrix.js'
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

/** The first of some names, for messages: a file may hold any number of tensors. */
export function listNames(names: readonly string[]): string {
  const most = 20
  const more = names.length > most ? ` and ${names.length - most} more` : ''
  return names.slice(0, most).join(' ') + more
}

/**
 * Compares the header of a tensor with what it is expected to be.
 * @param shapes any of which it may have
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`
 */
export function checkEntry(
  container: Container,
  name: string,
  expected: string,
  shapes: readonly (readonly number[])[],
): void {
  const path = container.file.path
  const entry = container.tensors.get(name)
  if (entry === undefined) {
    const found = listNames([...container.tensors.keys()]) || 'no tensors'
    throw new SaeMatchError('TENSOR_MISSING', `${path}: expected tensor ${name} ${expected}, found ${found}`)
  }
  if (!shapes.some((shape) => shape.length === entry.shape.length && shape.every((n, i) => n === entry.shape[i]))) {
    throw new SaeMatchError('TENSOR_SHAPE', `${path}: tensor ${name}: expected ${expected}, found [${entry.shape}]`)
  }
}

/**
 * Checks the header of a vector of a known length.
 * @param options.leadingOne whether it may be stored as [1, length].
 * @throws `TENSOR_MISSING`, `TENSOR_SHAPE`
 */
export function vectorReader(
  container: Container,
  name: string,
  length: number,
  { leadingOne = false }: { leadingOne?: boolean } = {},
): Reader<StoredVector> {
  checkEntry(container, name, `[${length}]`, leadingOne ? [[length], [1, length]] : [[length]])
  return async () => ({ file: container.file.path, name, values: toFloat64(await container.read(name)) })
}

/** Stands for a vector that a checkpoint does without. */
export function zeros({ file }: Container, name: string, length: number): Reader<StoredVector> {
  return async () => ({ file: file.path, name, values: new Float64Array(length) })
}

/** Checks the header of a single number, [] or [1], to be read as a vector that repeats it. */
export function scalarReader(container: Container, name: string, length: number): Reader<StoredVector> {
  checkEntry(container, name, 'of one number', [[], [1]])
  return async () => {
    const [value] = toFloat64(await container.read(name))
    return { file: container.file.path, name, values: new Float64Array(length).fill(value) }
  }
}

/** `e^x` of every number. What is not finite stays as it is: it is refused, and `-Infinity` would become a harmless 0. */
export function exponential(reader: Reader<StoredVector>): Reader<StoredVector> {
  return async () => {
    const { file, name, values } = await reader()
    const exponentials = values.map((value) => (Number.isFinite(value) ? Math.exp(value) : value))
    return { file, name: `exp(${name})`, values: exponentials }
  }
}

/** Every number times a factor. */
export function scaled(reader: Reader<StoredVector>, factor: number): Reader<StoredVector> {
  if (factor === 1) return reader
  return async () => {
    const { file, name, values } = await reader()
    return { file, name: `${factor} ${name}`, values: values.map((value) => value * factor) }
  }
}

/** The rows of a matrix as it is stored, from its header. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` */
export function rowCount(container: Container, name: string): number {
  const shape = container.tensors.get(name)?.shape ?? []
  checkEntry(container, name, 'of two dimensions, not empty', shape.length === 2 && shape[0] > 0 ? [shape] : [])
  return shape[0]
}

/** @throws `TENSOR_DTYPE` where a tensor that is there holds no weights. */
export function checkFloat({ file, tensors }: Container, name: string): Dtype {
  const { dtype } = tensors.get(name)!
  if (isFloat(dtype)) return dtype
  const message = `${file.path}: tensor ${name}: expected f16, bf16, f32 or f64, found ${dtype}`
  throw new SaeMatchError('TENSOR_DTYPE', message)
}

/** The length of a vector, from its header. @throws `TENSOR_MISSING`, `TENSOR_SHAPE` where it is empty or no vector. */
export function vectorLength(container: Container, name: string): number {
  const length = container.tensors.get(name)?.shape[0] ?? 0
  checkEntry(container, name, 'of one dimension, not empty', length > 0 ? [[length]] : [])
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
  checkFloat(container, name)
  const { shape } = container.tensors.get(name)!
  const transposed = rows === columns ? squareIsTransposed : shape[0] === columns
  return async () => {
    const matrix = matrixOf(await container.read(name))
    return { file, name, matrix: transposed ? transpose(matrix) : matrix }
  }
}

/**
 * @param prefixes how the names begin of tensors that are of no use.
 * @throws `FORMAT_INVALID` for the first tensor that is not among `known`: ignoring it might change the SAE.
 */
export function refuseUnknownTensors(
  container: Container,
  known: readonly string[],
  prefixes: readonly string[] = [],
): void {
  for (const name of container.tensors.keys()) {
    if (known.includes(name) || prefixes.some((prefix) => name.startsWith(prefix))) continue
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
