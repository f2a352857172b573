import { describe, SaeMatchError } from '../errors.js'
import { allocateTensor, type ElementType, elementBytes, elementCount } from '../tensor/tensor.js'
import type { Container, TensorEntry } from './container.js'
import { type OpenFile, openFile, readBytes, readInto } from './file.js'
import { cutRows, filePieces } from './row-pieces.js'

const elementTypes = new Map<unknown, ElementType>([
  ['F64', 'f64'],
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
  ['I64', 'i64'],
  ['I32', 'i32'],
  ['I16', 'i16'],
  ['I8', 'i8'],
  ['U64', 'u64'],
  ['U32', 'u32'],
  ['U16', 'u16'],
  ['U8', 'u8'],
  ['BOOL', 'bool'],
])

const lengthBytes = 8
/** The limit of the reference implementation. */
const maximumHeaderBytes = 100_000_000
/** That of numpy. */
const maximumRank = 64

interface Placed extends TensorEntry {
  /** From the beginning of the file. */
  readonly start: number
  readonly bytes: number
}

/**
 * Opens a `.safetensors` file. Every size and place in its header is checked before anything is allocated.
 * Source: https://github.com/huggingface/safetensors, section "Format".
 * @throws `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_INVALID`, `TENSOR_DTYPE`; the reason of `signal`, also on reading
 */
export async function openSafetensors(path: string, signal?: AbortSignal): Promise<Container> {
  const file = await openFile(path, signal)
  try {
    const tensors = await readHeader(file)
    const find = (name: string): Placed => {
      const tensor = tensors.get(name)
      if (tensor === undefined)
        throw new SaeMatchError('TENSOR_MISSING', `${path}: expected a tensor ${name}, found none`)
      return tensor
    }
    return {
      file: { path, bytes: file.bytes, modified: file.modified },
      tensors,
      async read(name) {
        const { dtype, shape, start } = find(name)
        const result = allocateTensor(dtype, shape, false, `${path}: ${name}`)
        await readInto(file, start, result.data.buffer)
        return result
      },
      async *readRows(name, rows) {
        const { start, bytes, ...entry } = find(name)
        yield* cutRows(filePieces(file, start, bytes), 0, entry, rows, `${path}: ${name}`)
      },
      close: () => file.handle.close(),
    }
  } catch (error) {
    await file.handle.close()
    throw error
  }
}

async function readHeader(file: OpenFile): Promise<Map<string, Placed>> {
  const invalid = (message: string, cause?: unknown) =>
    new SaeMatchError('FORMAT_INVALID', `${file.path}: ${message}`, { cause })
  const truncated = (message: string) => new SaeMatchError('FILE_TRUNCATED', `${file.path}: ${message}`)

  if (file.bytes < lengthBytes) throw truncated(`expected a safetensors header, found ${file.bytes} bytes`)
  const headerBytes = Number((await readBytes(file, 0, lengthBytes)).readBigUInt64LE())
  if (headerBytes > maximumHeaderBytes) throw invalid(`the header claims ${headerBytes} bytes; not a safetensors file`)
  const dataStart = lengthBytes + headerBytes
  if (dataStart > file.bytes) throw truncated(`the header claims ${headerBytes} bytes, the file has ${file.bytes}`)

  let header: unknown
  try {
    header = JSON.parse((await readBytes(file, lengthBytes, headerBytes)).toString('utf8'))
  } catch (cause) {
    throw invalid('the header is not JSON', cause)
  }
  if (!isObject(header)) throw invalid('the header is not a JSON object')

  const tensors = new Map<string, Placed>()
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, checkEntry(file, dataStart, name, value))
  }
  const inOrder = [...tensors].sort(([, a], [, b]) => a.start - b.start || a.bytes - b.bytes)
  for (let i = 1; i < inOrder.length; i++) {
    const [name, { start, bytes }] = inOrder[i - 1]
    if (start + bytes > inOrder[i][1].start) throw invalid(`tensors ${name} and ${inOrder[i][0]} overlap`)
  }
  return tensors
}

function checkEntry(file: OpenFile, dataStart: number, name: string, value: unknown): Placed {
  const where = `${file.path}: tensor ${name}`
  const { dtype: typeName, shape, data_offsets: offsets } = isObject(value) ? value : {}
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new SaeMatchError('FORMAT_INVALID', `${where}: expected dtype, shape and data_offsets, found something else`)
  }
  const dtype = elementTypes.get(typeName)
  if (dtype === undefined) {
    const known = [...elementTypes.keys()].join(' ')
    throw new SaeMatchError('TENSOR_DTYPE', `${where}: expected one of ${known}, found ${describe(typeName)}`)
  }
  const [begin, end] = offsets
  const bytes = elementCount(shape) * elementBytes(dtype)
  if (bytes !== end - begin) {
    const message = `${where}: [${shape}] of ${dtype} needs ${bytes} bytes, its offsets span ${end - begin}`
    throw new SaeMatchError('FORMAT_INVALID', message)
  }
  if (dataStart + end > file.bytes) {
    throw new SaeMatchError(
      'FILE_TRUNCATED',
      `${where} should end at byte ${dataStart + end}, the file at ${file.bytes}`,
    )
  }
  return { dtype, shape, start: dataStart + begin, bytes }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= maximumRank &&
    value.every((item) => Number.isSafeInteger(item) && item >= 0)
  )
}
