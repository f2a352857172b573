import { SaeMatchError } from '../errors.js'
import { allocateTensor, elementBytes, elementCount, type Tensor } from '../tensor/tensor.js'
import type { Container, TensorEntry } from './container.js'
import { openFile } from './file.js'
import { swapBytes } from './npy.js'
import { cutRows } from './row-pieces.js'
import { openTorchArchive, type TorchArchive } from './torch-archive.js'
import { nameAll, type PlainValue } from './torch-names.js'
import type { StorageView } from './torch-pickle.js'
import { isDense, isRowMajor, packed, spanOf, type View } from './torch-view.js'
import { entryPieces, readEntry, type ZipEntry } from './zip.js'

/** A file of torch.save. Names are those of nested dictionaries and the places in lists, with dots between. */
export interface TorchContainer extends Container {
  /** What is no tensor. */
  readonly values: ReadonlyMap<string, PlainValue>
}

/** A tensor that was found to lie within its storage, and that in the file. */
interface Placed extends TensorEntry, View {
  readonly entry: ZipEntry
}

/** A view may show an element many times (`expand`), but not make memory without end: a vector for 2^20 features. */
const maximumRepeated = 2 ** 20

/**
 * Opens a `.pt` or `.pth` file, the zip archive that torch.save writes since 1.6: tensors in plain containers.
 * Source: https://github.com/pytorch/pytorch, `torch/serialization.py`.
 * @throws `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `FORMAT_INVALID`; the reason of `signal`, also on reading
 */
export async function openTorch(path: string, signal?: AbortSignal): Promise<TorchContainer> {
  const file = await openFile(path, signal)
  try {
    const archive = await openTorchArchive(file)
    const { views, values } = nameAll(archive.value, `${path}: ${archive.pickleName}`)
    const tensors = new Map([...views].map(([name, view]) => [name, place(archive, name, view)]))
    const find = (name: string): Placed => {
      const tensor = tensors.get(name)
      if (tensor !== undefined) return tensor
      throw new SaeMatchError('TENSOR_MISSING', `${path}: expected a tensor ${name}, found none`)
    }
    return {
      file: { path, bytes: file.bytes, modified: file.modified },
      tensors,
      values,
      read: async (name) => readTensor(archive, find(name), `${path}: ${name}`),
      async *readRows(name, rows) {
        yield* readTensorRows(archive, find(name), rows, `${path}: ${name}`)
      },
      close: () => file.handle.close(),
    }
  } catch (error) {
    await file.handle.close()
    throw error
  }
}

/** @throws `FORMAT_INVALID`, `FILE_TRUNCATED` */
function place({ file, storages }: TorchArchive, name: string, { storage, ...view }: StorageView): Placed {
  const where = `${file.path}: tensor ${name}`
  const invalid = (message: string) => new SaeMatchError('FORMAT_INVALID', `${where}: ${message}`)
  const { dtype, key, count } = storage
  const entry = storages.get(key)
  if (entry === undefined) throw invalid(`expected an entry data/${key.slice(0, 40)}, found none`)
  const bytes = count * elementBytes(dtype)
  if (entry.bytes !== bytes) {
    const message = `${where}: expected ${bytes} bytes (${count} of ${dtype}) in ${entry.name}, found ${entry.bytes}`
    throw new SaeMatchError(entry.bytes < bytes ? 'FILE_TRUNCATED' : 'FORMAT_INVALID', message)
  }
  const { offset, shape, strides } = view
  // False, too, where absurd numbers make an infinity or a NaN.
  const isWithin = offset + spanOf(view) <= count && elementCount(shape) <= Math.max(count, maximumRepeated)
  if (isWithin) return { dtype, entry, offset, shape, strides }
  const found = `a view [${shape}] with strides [${strides}] from ${offset} on`
  throw invalid(`expected a view of the ${count} numbers in ${entry.name}, found ${found}`)
}

/** A dense view, transposed ones included, stays as it is stored; what has gaps or repeats numbers is packed. */
async function readTensor({ file, bigEndian }: TorchArchive, placed: Placed, name: string): Promise<Tensor> {
  const { dtype, entry, offset, shape, strides } = placed
  const span = allocateTensor(dtype, [spanOf(placed)], false, name)
  await readEntry(file, entry, offset * elementBytes(dtype), span.data.buffer)
  if (bigEndian) swapBytes(span)
  const view = { ...span, shape, strides }
  return isDense(placed) ? view : packed(view, name)
}

async function* readTensorRows(
  { file, bigEndian }: TorchArchive,
  placed: Placed,
  rows: number,
  name: string,
): AsyncGenerator<Tensor> {
  const { dtype, entry, offset, strides } = placed
  if (!isRowMajor(placed)) {
    throw new SaeMatchError(
      'FORMAT_INVALID',
      `${name}: expected rows one after the other, found strides [${strides}]`,
      {
        hint: 'Save tensor.contiguous() of it.',
      },
    )
  }
  for await (const tensor of cutRows(entryPieces(file, entry), offset * elementBytes(dtype), placed, rows, name)) {
    if (bigEndian) swapBytes(tensor)
    yield tensor
  }
}
