import { SaeMatchError } from '../errors.js'
import type { ElementType } from '../tensor/tensor.js'
import { type Pickled, type PickleHost, readPickle } from './pickle.js'

/** The numbers of one or more tensors, in an entry of the archive. */
export class Storage {
  constructor(
    readonly dtype: ElementType,
    /** The name of the entry in the folder `data`. */
    readonly key: string,
    /** How many numbers. */
    readonly count: number,
  ) {}
}

/** A view of a storage, as stored and not checked yet; everything counts elements. */
export class StorageView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** Something imported that is known here. */
class Import {
  constructor(readonly name: string) {}
}

type TorchObject = Import | Storage | StorageView

/** What a file of torch.save holds. */
export type TorchValue = Pickled<TorchObject>

const storageTypes = new Map<string, ElementType>([
  ['torch.DoubleStorage', 'f64'],
  ['torch.FloatStorage', 'f32'],
  ['torch.HalfStorage', 'f16'],
  ['torch.BFloat16Storage', 'bf16'],
  ['torch.LongStorage', 'i64'],
  ['torch.IntStorage', 'i32'],
  ['torch.ShortStorage', 'i16'],
  ['torch.CharStorage', 'i8'],
  ['torch.ByteStorage', 'u8'],
  ['torch.BoolStorage', 'bool'],
])
const orderedDictionary = 'collections.OrderedDict'
const tensor = 'torch._utils._rebuild_tensor_v2'
const parameter = 'torch._utils._rebuild_parameter'
const known = new Set([...storageTypes.keys(), orderedDictionary, tensor, parameter])

/** That of numpy. */
const maximumRank = 64

/**
 * Reads the pickle of a file of torch.save: tensors and plain containers. Nothing else is ever made.
 * Source: https://github.com/pytorch/pytorch, `torch/_utils.py` and `torch/serialization.py`.
 * @param where file and entry, for messages.
 * @throws `FORMAT_INVALID`, also for an import of anything else
 */
export function readTorchPickle(bytes: Buffer, where: string): TorchValue {
  return readPickle<TorchObject>(bytes, new TorchHost(where), where)
}

class TorchHost implements PickleHost<TorchObject> {
  constructor(private readonly where: string) {}

  import(module: string, name: string): Import {
    const full = `${module}.${name}`
    if (known.has(full)) return new Import(full)
    const found = full.length > 200 ? `${full.slice(0, 200)}...` : full
    throw new SaeMatchError(
      'FORMAT_INVALID',
      `${this.where}: expected tensors and plain containers, found an import of ${found}`,
      { hint: 'Only data is read from a file, never code. Save the state alone: torch.save(sae.state_dict(), path).' },
    )
  }

  call(callee: object, args: readonly TorchValue[]): TorchValue {
    switch (callee instanceof Import ? callee.name : '') {
      case orderedDictionary:
        if (args.length > 0) throw this.unexpected('an OrderedDict without arguments')
        return new Map()
      case tensor:
        return this.view(args)
      case parameter:
        if (!(args[0] instanceof StorageView)) throw this.unexpected('a parameter of a tensor')
        return args[0]
      default:
        throw this.unexpected('a call of a function')
    }
  }

  load(id: TorchValue): Storage {
    const [kind, type, key, , count] = Array.isArray(id) ? id : []
    const dtype = type instanceof Import ? storageTypes.get(type.name) : undefined
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(count)) {
      throw this.unexpected("('storage', type, key, location, count)")
    }
    return new Storage(dtype, key, count)
  }

  private view([storage, offset, shape, strides, , , metadata]: readonly TorchValue[]): StorageView {
    // Beside them: whether it wants a gradient, and hooks, of which there are none. Metadata tell of negated views.
    if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
      throw this.unexpected('a tensor of a storage, an offset, a shape and strides')
    }
    if (shape.length !== strides.length || shape.length > maximumRank || (metadata ?? null) !== null) {
      throw this.unexpected(`a plain tensor of at most ${maximumRank} dimensions`)
    }
    // Copies: the pickle may still append to its lists.
    return new StorageView(storage, offset, [...shape], [...strides])
  }

  private unexpected(expected: string): SaeMatchError {
    return new SaeMatchError('FORMAT_INVALID', `${this.where}: expected ${expected}, found something else`)
  }
}

function isSize(value: TorchValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isSizes(value: TorchValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isSize)
}
