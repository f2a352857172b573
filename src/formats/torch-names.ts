import { SaeMatchError } from '../errors.js'
import { StorageView, type TorchValue } from './torch-pickle.js'

/** What is no tensor in a file of torch.save. */
export type PlainValue = null | boolean | number | bigint | string

/** All that a file of torch.save holds, by names: those of nested dictionaries and the places in lists, with dots between. */
export interface TorchNames {
  readonly views: ReadonlyMap<string, StorageView>
  readonly values: ReadonlyMap<string, PlainValue>
}

// Far above what a checkpoint needs. A value may be in many places, so that a short pickle can have endless names.
const maximumDepth = 16
const maximumKey = 256
const maximumNames = 2 ** 14

/**
 * Names everything in a file of torch.save. A tensor that is all of it has an empty name.
 * @param where file and entry, for messages.
 * @throws `FORMAT_INVALID`
 */
export function nameAll(root: TorchValue, where: string): TorchNames {
  const views = new Map<string, StorageView>()
  const values = new Map<string, PlainValue>()
  const invalid = (message: string) => new SaeMatchError('FORMAT_INVALID', `${where}: ${message}`)
  let seen = 0

  function visit(value: TorchValue, name: string, depth: number): void {
    if (++seen > maximumNames) throw invalid(`expected at most ${maximumNames} values, found more`)
    if (depth > maximumDepth) throw invalid(`expected at most ${maximumDepth} containers in one another, found more`)
    if (value instanceof Map || Array.isArray(value)) {
      for (const [key, item] of value.entries()) {
        visit(item, depth === 0 ? textOf(key) : `${name}.${textOf(key)}`, depth + 1)
      }
    } else if (views.has(name) || values.has(name)) {
      throw invalid(`expected one value ${name}, found two`)
    } else if (value instanceof StorageView) {
      views.set(name, value)
    } else if (value === null || typeof value !== 'object') {
      values.set(name, value)
    } else {
      throw invalid(`${name}: expected a tensor or a plain value, found something else`)
    }
  }

  function textOf(key: TorchValue): string {
    const isName = typeof key === 'string' || typeof key === 'number'
    if (isName && String(key).length <= maximumKey) return String(key)
    throw invalid(`expected names of at most ${maximumKey} letters as keys, found something else`)
  }

  visit(root, '', 0)
  return { views, values }
}
