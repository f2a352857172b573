import { SaeMatchError } from '../errors.js'
import { opcode } from './pickle-opcodes.js'

/** A value of a pickle; tuples are arrays, too. `T` is what imports, persistent ids and calls stand for. */
export type Pickled<T extends object> =
  | null
  | boolean
  | number
  | bigint
  | string
  | T
  | Pickled<T>[]
  | Map<Pickled<T>, Pickled<T>>

/** What a pickle may refer to beside plain data. Whatever it does not know it refuses by throwing. */
export interface PickleHost<T extends object> {
  /** What `module.name` stands for. */
  import(module: string, name: string): T
  /** The value of a call of something imported. */
  call(callee: T, args: readonly Pickled<T>[]): Pickled<T>
  /** The object that lies outside of the pickle. */
  load(id: Pickled<T>): T
}

/**
 * Reads a pickle of protocol 2 to 5 that holds plain data: numbers, strings, lists, tuples and dictionaries. Nothing is
 * imported or constructed: what is no plain data is a question to `host`.
 * @param where file and entry, for messages.
 * @throws `FORMAT_INVALID`, and what `host` throws
 */
export function readPickle<T extends object>(bytes: Buffer, host: PickleHost<T>, where: string): Pickled<T> {
  return new PickleReader(bytes, host, where).read()
}

class PickleReader<T extends object> {
  private position = 0
  private stack: Pickled<T>[] = []
  /** The stacks below the marks. */
  private readonly outer: Pickled<T>[][] = []
  private readonly memo = new Map<number, Pickled<T>>()

  constructor(
    private readonly bytes: Buffer,
    private readonly host: PickleHost<T>,
    private readonly where: string,
  ) {}

  read(): Pickled<T> {
    if (this.bytes[0] !== opcode.protocol) throw this.invalid('expected a pickle of protocol 2 or later')
    for (;;) {
      const code = this.take(1)[0]
      if (code === opcode.stop) return this.pop()
      const value = this.pushed(code)
      if (value === undefined) this.change(code)
      else this.stack.push(value)
    }
  }

  /** What an opcode pushes; undefined for one that pushes nothing. */
  private pushed(code: number): Pickled<T> | undefined {
    switch (code) {
      case opcode.none:
        return null
      case opcode.true:
        return true
      case opcode.false:
        return false
      case opcode.uint8:
        return this.take(1)[0]
      case opcode.uint16:
        return this.take(2).readUInt16LE()
      case opcode.int32:
        return this.take(4).readInt32LE()
      case opcode.integer8:
        return integerOf(this.take(this.take(1)[0]))
      case opcode.integer32:
        return integerOf(this.take(this.take(4).readUInt32LE()))
      case opcode.float:
        return this.take(8).readDoubleBE()
      case opcode.text8:
        return this.text(this.take(1)[0])
      case opcode.text32:
        return this.text(this.take(4).readUInt32LE())
      case opcode.text64:
        return this.text(Number(this.take(8).readBigUInt64LE()))
      case opcode.emptyTuple:
      case opcode.emptyList:
        return []
      case opcode.tuple:
      case opcode.list:
        return this.popToMark()
      case opcode.tuple1:
        return this.popSeveral(1)
      case opcode.tuple2:
        return this.popSeveral(2)
      case opcode.tuple3:
        return this.popSeveral(3)
      case opcode.emptyDictionary:
        return new Map()
      case opcode.duplicate:
        return this.top()
      case opcode.get8:
        return this.recalled(this.take(1)[0])
      case opcode.get32:
        return this.recalled(this.take(4).readUInt32LE())
      case opcode.global:
        return this.host.import(this.line(), this.line())
      case opcode.stackGlobal: {
        const [module, name] = this.popSeveral(2)
        if (typeof module !== 'string' || typeof name !== 'string') throw this.invalid('imports what has no name')
        return this.host.import(module, name)
      }
      case opcode.call: {
        const [callee, args] = this.popSeveral(2)
        if (!isForeign<T>(callee) || !Array.isArray(args)) throw this.invalid('calls what was not imported')
        return this.host.call(callee, args)
      }
      case opcode.persistentId:
        return this.host.load(this.pop())
      default:
        return undefined
    }
  }

  /** Does what an opcode does that pushes nothing. */
  private change(code: number): void {
    switch (code) {
      case opcode.protocol: {
        const version = this.take(1)[0]
        if (version < 2 || version > 5) throw this.invalid(`expected pickle protocol 2 to 5, found ${version}`)
        break
      }
      case opcode.frame:
        // The length of what follows, which is read anyway.
        this.take(8)
        break
      case opcode.mark:
        this.outer.push(this.stack)
        this.stack = []
        break
      case opcode.pop:
        this.pop()
        break
      case opcode.popMark:
        this.popToMark()
        break
      case opcode.append:
        this.append(this.popSeveral(1))
        break
      case opcode.appendAll:
        this.append(this.popToMark())
        break
      case opcode.setItem:
        this.setItems(this.popSeveral(2))
        break
      case opcode.setItems:
        this.setItems(this.popToMark())
        break
      case opcode.put8:
        this.memo.set(this.take(1)[0], this.top())
        break
      case opcode.put32:
        this.memo.set(this.take(4).readUInt32LE(), this.top())
        break
      case opcode.memoize:
        this.memo.set(this.memo.size, this.top())
        break
      case opcode.setState: {
        // Attributes of a dictionary (`_metadata` of a PyTorch state) say nothing about its items.
        const state = this.pop()
        if (!(this.top() instanceof Map && state instanceof Map)) throw this.invalid('sets a state of no dictionary')
        break
      }
      default:
        throw this.invalid(`opcode 0x${code.toString(16)} is none of those that plain data needs`)
    }
  }

  private pop(): Pickled<T> {
    const value = this.top()
    this.stack.pop()
    return value
  }

  private top(): Pickled<T> {
    if (this.stack.length === 0) throw this.invalid('takes a value that is not there')
    return this.stack[this.stack.length - 1]
  }

  private popSeveral(count: number): Pickled<T>[] {
    if (this.stack.length < count) throw this.invalid('takes a value that is not there')
    return this.stack.splice(-count)
  }

  private popToMark(): Pickled<T>[] {
    const outer = this.outer.pop()
    if (outer === undefined) throw this.invalid('looks for a mark that is not there')
    const items = this.stack
    this.stack = outer
    return items
  }

  private append(items: readonly Pickled<T>[]): void {
    const list = this.top()
    if (!Array.isArray(list)) throw this.invalid('appends to what is no list')
    for (const item of items) list.push(item)
  }

  private setItems(items: readonly Pickled<T>[]): void {
    const dictionary = this.top()
    if (!(dictionary instanceof Map) || items.length % 2 !== 0) throw this.invalid('sets items of what has none')
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1])
  }

  private recalled(index: number): Pickled<T> {
    const value = this.memo.get(index)
    if (value === undefined) throw this.invalid(`recalls value ${index}, which was not kept`)
    return value
  }

  private take(length: number): Buffer {
    const end = this.position + length
    if (end > this.bytes.length) throw this.invalid(`needs ${length} bytes more, but ends after ${this.bytes.length}`)
    const taken = this.bytes.subarray(this.position, end)
    this.position = end
    return taken
  }

  private text(length: number): string {
    return this.take(length).toString('utf8')
  }

  private line(): string {
    const end = this.bytes.indexOf('\n', this.position)
    if (end < 0) throw this.invalid('ends within a name')
    const line = this.text(end - this.position)
    this.take(1)
    return line
  }

  private invalid(message: string): SaeMatchError {
    return new SaeMatchError('FORMAT_INVALID', `${this.where}: byte ${this.position}: ${message}`)
  }
}

/** A little-endian integer of any length in two's complement; a bigint where a number cannot hold it. */
function integerOf(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0
  const digits = Buffer.from(bytes).reverse().toString('hex')
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${digits}`))
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

function isForeign<T extends object>(value: Pickled<T>): value is T {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
}
