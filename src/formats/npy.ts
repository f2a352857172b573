import { SaeMatchError } from '../errors.js'
import { allocateTensor, type ElementType, elementBytes, elementCount, type Tensor } from '../tensor/tensor.js'
import type { Container, TensorEntry } from './container.js'
import { openFile, readBytes, readInto } from './file.js'
import { cutRows, filePieces } from './row-pieces.js'

/** The header of an npy array. Source: numpy.lib.format, versions 1.0, 2.0 and 3.0. */
export interface NpyHeader extends TensorEntry {
  readonly fortranOrder: boolean
  readonly bigEndian: boolean
  /** Where the numbers begin. */
  readonly dataStart: number
}

/** A bf16 array has no type of its own in numpy: ml_dtypes writes two opaque bytes. */
const elementTypes = new Map<string, ElementType>([
  ['f2', 'f16'],
  ['V2', 'bf16'],
  ['f4', 'f32'],
  ['f8', 'f64'],
  ['b1', 'bool'],
  ['u1', 'u8'],
  ['i1', 'i8'],
  ['u2', 'u16'],
  ['i2', 'i16'],
  ['u4', 'u32'],
  ['i4', 'i32'],
  ['u8', 'u64'],
  ['i8', 'i64'],
])

/** Byte strings of a fixed length: read as bytes, with one axis more. */
const byteString = /^\|S(\d+)$/

const magic = '\x93NUMPY'
/** What numpy pads the header of a small shape to. */
const usualHeaderBytes = 128
/** Far above what any dtype read here needs; a longer header is that of a record type or a lie. */
const maximumHeaderBytes = 2 ** 16

/**
 * Reads the array of an `.npy` file.
 * @throws `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_INVALID`, `TENSOR_DTYPE`, `OUT_OF_MEMORY`; the reason of `signal`
 */
export async function readNpy(path: string, signal?: AbortSignal): Promise<Tensor> {
  const file = await openFile(path, signal)
  try {
    const header = await readNpyHeader((length) => readBytes(file, 0, length), file.bytes, path)
    const tensor = allocateNpy(header, path)
    await readInto(file, header.dataStart, tensor.data.buffer)
    if (header.bigEndian) swapBytes(tensor)
    return tensor
  } finally {
    await file.handle.close()
  }
}

/**
 * Opens an `.npy` file as a container of one tensor, whose name is empty.
 * @throws as {@link readNpy}, but for `OUT_OF_MEMORY`; the reason of `signal`, also on reading
 */
export async function openNpy(path: string, signal?: AbortSignal): Promise<Container> {
  const file = await openFile(path, signal)
  try {
    const header = await readNpyHeader((length) => readBytes(file, 0, length), file.bytes, path)
    const { dtype, shape, dataStart } = header
    return {
      file: { path, bytes: file.bytes, modified: file.modified },
      tensors: new Map([['', { dtype, shape }]]),
      read: () => readNpy(path, signal),
      readRows: (_name, rows) => cutNpyRows(filePieces(file, dataStart, file.bytes - dataStart), 0, header, rows, path),
      close: () => file.handle.close(),
    }
  } catch (error) {
    await file.handle.close()
    throw error
  }
}

/** The rows of an array whose bytes come in pieces, as {@link cutRows}, in native byte order. @throws `FORMAT_INVALID` */
export async function* cutNpyRows(
  pieces: AsyncIterable<Uint8Array>,
  skip: number,
  header: NpyHeader,
  rows: number,
  name: string,
): AsyncGenerator<Tensor> {
  if (header.fortranOrder && header.shape.length > 1) {
    throw new SaeMatchError('FORMAT_INVALID', `${name}: expected rows one after the other, found columns`, {
      hint: 'It was saved in Fortran order; save numpy.ascontiguousarray of it.',
    })
  }
  for await (const tensor of cutRows(pieces, skip, header, rows, name)) {
    if (header.bigEndian) swapBytes(tensor)
    yield tensor
  }
}

/**
 * Parses and checks the header of an array of `bytes` bytes, header included.
 * @param prefix gives the first `length` bytes.
 * @param name names the array in messages.
 */
export async function readNpyHeader(
  prefix: (length: number) => Promise<Uint8Array>,
  bytes: number,
  name: string,
): Promise<NpyHeader> {
  const invalid = (message: string) => new SaeMatchError('FORMAT_INVALID', `${name}: ${message}`)
  const truncated = (message: string) => new SaeMatchError('FILE_TRUNCATED', `${name}: ${message}`)

  if (bytes < 12) throw truncated(`expected an npy header, found ${bytes} bytes`)
  const start = Buffer.from(await prefix(Math.min(usualHeaderBytes, bytes)))
  if (start.toString('latin1', 0, 6) !== magic) throw invalid('not an npy array: its magic number is missing')
  const version = start[6]
  if (version < 1 || version > 3) throw invalid(`expected npy version 1, 2 or 3, found ${version}`)
  const textStart = version === 1 ? 10 : 12
  const textBytes = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8)
  if (textBytes > maximumHeaderBytes)
    throw invalid(`the header claims ${textBytes} bytes, more than ${maximumHeaderBytes}`)
  const dataStart = textStart + textBytes
  if (dataStart > bytes) throw truncated(`the header claims ${dataStart} bytes, but there are ${bytes}`)

  const header = dataStart <= start.length ? start : Buffer.from(await prefix(dataStart))
  const text = header.toString(version === 3 ? 'utf8' : 'latin1', textStart, dataStart)
  const fields = parseHeaderText(text)
  if (fields === null)
    throw invalid(`the header is not a dictionary of descr, fortran_order and shape: ${text.slice(0, 80)}`)

  const stringBytes = byteString.exec(fields.descr)
  const ordered = !fields.fortranOrder || fields.shape.length < 2
  const dtype = stringBytes && ordered ? 'u8' : elementTypes.get(fields.descr.slice(1))
  if (dtype === undefined || !'<>|='.includes(fields.descr[0])) {
    throw new SaeMatchError('TENSOR_DTYPE', `${name}: expected floats, integers or bool, found dtype '${fields.descr}'`)
  }
  const dimensions = stringBytes && dtype === 'u8' ? [...fields.shape, Number(stringBytes[1])] : fields.shape
  const dataBytes = elementCount(dimensions) * elementBytes(dtype)
  const shape = `(${dimensions.join(', ')}) of ${dtype}`
  if (!dimensions.every(Number.isSafeInteger) || !Number.isSafeInteger(dataBytes)) {
    throw invalid(`impossible shape ${shape}`)
  }
  if (dataBytes > bytes - dataStart) throw truncated(`${shape} needs ${dataBytes} bytes, found ${bytes - dataStart}`)
  if (dataBytes < bytes - dataStart) throw invalid(`${shape} needs ${dataBytes} bytes, found ${bytes - dataStart}`)
  const { fortranOrder } = fields
  return { dtype, shape: dimensions, fortranOrder, bigEndian: fields.descr[0] === '>', dataStart }
}

/** The tensor a header describes, to be filled with the bytes behind it. */
export function allocateNpy(header: NpyHeader, name: string): Tensor {
  return allocateTensor(header.dtype, header.shape, header.fortranOrder, name)
}

/** Turns big-endian numbers into native ones, in place. */
export function swapBytes({ data, dtype }: Tensor): void {
  const width = elementBytes(dtype)
  const pieceBytes = 2 ** 30
  for (let from = 0; from < data.byteLength; from += pieceBytes) {
    const piece = Buffer.from(data.buffer, from, Math.min(pieceBytes, data.byteLength - from))
    if (width === 2) piece.swap16()
    else if (width === 4) piece.swap32()
    else if (width === 8) piece.swap64()
  }
}

interface HeaderFields {
  readonly descr: string
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
}

/** A quoted string, a word (a number, `True`, `False`; `3L` in files of Python 2) or a mark. */
const token = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\w+)|([{}():,]))/y

/** Parses the dictionary literal of a header; null for anything else. */
function parseHeaderText(text: string): HeaderFields | null {
  const tokens: { readonly kind: 'string' | 'word' | 'mark' | 'end'; readonly text: string }[] = []
  const body = text.trimEnd()
  token.lastIndex = 0
  while (token.lastIndex < body.length) {
    const match = token.exec(body)
    if (match === null) return null
    const [, single, double, word, mark] = match
    if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else tokens.push({ kind: 'string', text: single ?? double })
  }
  const end = { kind: 'end', text: '' } as const
  let next = 0
  const take = () => tokens[next++] ?? end
  const takeMark = (mark: string): boolean => {
    const found = tokens[next]?.kind === 'mark' && tokens[next].text === mark
    if (found) next++
    return found
  }

  const fields = new Map<string, string | boolean | number[]>()
  if (!takeMark('{')) return null
  while (!takeMark('}')) {
    const key = take()
    if (key.kind !== 'string' || fields.has(key.text) || !takeMark(':')) return null
    if (takeMark('(')) {
      const lengths: number[] = []
      while (!takeMark(')')) {
        const length = take()
        if (length.kind !== 'word' || !/^\d+L?$/.test(length.text)) return null
        lengths.push(Number.parseInt(length.text, 10))
        if (!takeMark(',') && tokens[next]?.text !== ')') return null
      }
      fields.set(key.text, lengths)
    } else {
      const value = take()
      if (value.kind === 'string') fields.set(key.text, value.text)
      else if (value.kind === 'word' && value.text === 'True') fields.set(key.text, true)
      else if (value.kind === 'word' && value.text === 'False') fields.set(key.text, false)
      else return null
    }
    if (!takeMark(',') && tokens[next]?.text !== '}') return null
  }
  const descr = fields.get('descr')
  const fortranOrder = fields.get('fortran_order')
  const shape = fields.get('shape')
  if (next !== tokens.length || fields.size !== 3) return null
  if (typeof descr !== 'string' || typeof fortranOrder !== 'boolean' || !Array.isArray(shape)) return null
  return { descr, fortranOrder, shape }
}
