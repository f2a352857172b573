import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Backend } from '../backend/backend.js'
import { SaeMatchError, wrongType } from '../errors.js'
import type { Container } from '../formats/container.js'
import { openNpy } from '../formats/npy.js'
import { openNpz } from '../formats/npz.js'
import { openSafetensors } from '../formats/safetensors.js'
import type { Matrix } from '../tensor/matrix.js'
import { isFloat, matrixOf } from '../tensor/tensor.js'

/** Hidden states [tokens, d] of one layer that come in batches, from the first token to the last. */
export interface Activations {
  /** The file, for messages. */
  readonly name: string
  readonly tokens: number
  /** d */
  readonly dimension: number
  /** Matrices of `tokens` rows each, the last one of what is left; never the whole. */
  batches(tokens: number): AsyncIterable<Matrix>
  close(): Promise<void>
}

/** A file of hidden states, a folder of `layer_{L}` files, or a matrix [tokens, d] in memory. */
export type ActivationSource = string | Matrix

const openers: Readonly<Record<string, (path: string, signal?: AbortSignal) => Promise<Container>>> = {
  npy: openNpy,
  npz: openNpz,
  safetensors: openSafetensors,
}

/**
 * Opens hidden states: f16, bf16, f32 or f64, [tokens, d], in an `.npy`, or as the only matrix of an `.npz` (also a
 * deflated one) or a `.safetensors`. Only headers are read.
 *
 * @param source a file, a folder of files `layer_{L}.npy` (`.npz`, `.safetensors`), or a matrix
 * @param layer which file of a folder
 * @throws `FILE_NOT_FOUND`, `FORMAT_UNKNOWN`, `FORMAT_INVALID`, `FILE_TRUNCATED`, `TENSOR_MISSING`, `TENSOR_SHAPE`,
 *   `TENSOR_DTYPE`; `INVALID_ARGUMENT`
 */
export async function openActivations(
  source: ActivationSource,
  layer: number | null = null,
  signal?: AbortSignal,
): Promise<Activations> {
  if (typeof source !== 'string') return matrixActivations(source)
  const path = await activationFile(source, layer)
  const open = openers[/\.(\w+)$/.exec(path)?.[1].toLowerCase() ?? '']
  if (open === undefined) {
    const expected = Object.keys(openers).map((extension) => `.${extension}`)
    throw new SaeMatchError('FORMAT_UNKNOWN', `${path}: expected activations in one of ${expected.join(' ')}`)
  }
  const container = await open(path, signal)
  try {
    const name = onlyMatrix(container)
    const { dtype, shape } = container.tensors.get(name)!
    const label = name === '' ? path : `${path}: ${name}`
    if (!isFloat(dtype)) {
      throw new SaeMatchError('TENSOR_DTYPE', `${label}: expected f16, bf16, f32 or f64, found ${dtype}`)
    }
    const [tokens, dimension] = shape
    return {
      name: label,
      tokens,
      dimension,
      async *batches(size) {
        for await (const tensor of container.readRows(name, size)) yield matrixOf(tensor)
      },
      close: () => container.close(),
    }
  } catch (error) {
    await container.close()
    throw error
  }
}

/** A batch of the tokens that count. */
export interface TokenBatch {
  /** Their numbers in the files, ascending. */
  readonly tokens: Int32Array
  /** Their rows in `x`. */
  readonly rows: Int32Array
  /** [batch, d] of every source. */
  readonly x: readonly Matrix[]
  /** How many tokens of the files have been read, those of this batch included. */
  readonly read: number
}

/**
 * Batches of the same tokens from several layers at once.
 *
 * @param mask [tokens] 0 for a token to leave out; null for none
 * @throws `TENSOR_SHAPE` where the files differ in their number of tokens, or the mask does; `TENSOR_NOT_FINITE` naming
 *   file and token for one that counts; the reason of `signal`
 */
export async function* tokenBatches(
  sources: readonly Activations[],
  mask: Uint8Array | null,
  size: number,
  backend: Backend,
  signal?: AbortSignal,
): AsyncGenerator<TokenBatch> {
  const [first, ...others] = sources
  for (const { name, tokens } of others) {
    if (tokens === first.tokens) continue
    const message = `${name}: expected ${first.tokens} tokens as in ${first.name}, found ${tokens}`
    throw new SaeMatchError('TENSOR_SHAPE', message)
  }
  if (mask !== null && mask.length !== first.tokens) {
    const message = `The mask: expected ${first.tokens} tokens as in ${first.name}, found ${mask.length}`
    throw new SaeMatchError('TENSOR_SHAPE', message)
  }
  const streams = sources.map((source) => source.batches(size)[Symbol.asyncIterator]())
  let read = 0
  try {
    while (read < first.tokens) {
      signal?.throwIfAborted()
      const x = (await Promise.all(streams.map((stream) => stream.next()))).map(({ value }) => value as Matrix)
      const rows = Int32Array.from({ length: x[0].rows }, (_, row) => row).filter((row) => mask?.[read + row] !== 0)
      const tokens = rows.map((row) => read + row)
      for (const [s, matrix] of x.entries()) await requireFinite(sources[s].name, matrix, rows, tokens, backend)
      read += x[0].rows
      yield { tokens, rows, x, read }
    }
    // an archive's checksum is known only behind its last byte
    for (const stream of streams) await stream.next()
  } finally {
    for (const stream of streams) await stream.return?.()
  }
}

async function activationFile(path: string, layer: number | null): Promise<string> {
  const kind = await stat(path).catch((cause) => {
    throw new SaeMatchError('FILE_NOT_FOUND', `Cannot find the activations ${path}: ${cause.message}`, { cause })
  })
  if (!kind.isDirectory()) return path
  if (layer === null) {
    throw new SaeMatchError('FILE_NOT_FOUND', `${path}: the SAE does not say which layer's activations it reads`, {
      hint: 'Name a file of activations for each of the two SAEs.',
    })
  }
  const wanted = Object.keys(openers).map((extension) => `layer_${layer}.${extension}`)
  const found = (await readdir(path)).filter((name) => wanted.includes(name))
  if (found.length === 1) return join(path, found[0])
  const message = `${path}: expected one of ${wanted.join(', ')}, found ${found.join(', ') || 'none'}`
  throw new SaeMatchError(found.length === 0 ? 'FILE_NOT_FOUND' : 'FORMAT_UNKNOWN', message)
}

/** @throws `TENSOR_MISSING`, `TENSOR_SHAPE` */
function onlyMatrix({ file, tensors }: Container): string {
  const [alone] = tensors
  if (tensors.size === 1 && alone[1].shape.length !== 2) {
    const message = `${file.path}: expected activations [tokens, d], found [${alone[1].shape}]`
    throw new SaeMatchError('TENSOR_SHAPE', message)
  }
  const matrices = [...tensors].filter(([, { shape }]) => shape.length === 2).map(([name]) => name)
  if (matrices.length === 1) return matrices[0]
  const message = `${basename(file.path)}: expected one matrix of activations, found ${matrices.join(', ') || 'none'}`
  throw new SaeMatchError('TENSOR_MISSING', message)
}

function matrixActivations(matrix: Matrix): Activations {
  if (!ArrayBuffer.isView(matrix?.data)) throw wrongType('activations', 'a path or a matrix [tokens, d]', matrix)
  const { rows: tokens, columns, rowStride, offset } = matrix
  return {
    name: 'activations',
    tokens,
    dimension: columns,
    async *batches(size) {
      for (let from = 0; from < tokens; from += size) {
        yield { ...matrix, rows: Math.min(size, tokens - from), offset: offset + from * rowStride }
      }
    },
    close: async () => {},
  }
}

async function requireFinite(
  name: string,
  x: Matrix,
  rows: Int32Array,
  tokens: Int32Array,
  backend: Backend,
): Promise<void> {
  const norms = await backend.squaredRowNorms(x)
  const wrong = rows.findIndex((row) => !Number.isFinite(norms[row]))
  if (wrong < 0) return
  const message = `${name}: expected finite numbers, found a row of norm ${Math.sqrt(norms[rows[wrong]])} for token ${tokens[wrong]}`
  throw new SaeMatchError('TENSOR_NOT_FINITE', message, {
    hint: 'Leave such tokens out with a mask, or store the activations in f32: f16 ends at 65,504.',
  })
}
