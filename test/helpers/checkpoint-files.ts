import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Arrays a test writes; half floats as their bit patterns. */
export type TestArray = Float64Array | Float32Array | Int32Array | Uint16Array | BigInt64Array | Uint8Array

export interface TestTensor {
  readonly data: TestArray
  readonly shape: readonly number[]
  /** Needed for half floats only. */
  readonly dtype?: 'F16' | 'BF16'
}

/** A safetensors file. */
export function encodeSafetensors(tensors: Readonly<Record<string, TestTensor>>): Uint8Array {
  let offset = 0
  const header = Object.entries(tensors).map(([name, { data, shape, dtype }]) => {
    const begin = offset
    offset += data.byteLength
    return [name, { dtype: dtype ?? typeName(data), shape, data_offsets: [begin, offset] }]
  })
  return assemble(Object.fromEntries([['__metadata__', { format: 'pt' }], ...header]), Object.values(tensors))
}

/** A safetensors file with any header over the given data. */
export function assemble(header: unknown, tensors: readonly { readonly data: TestArray }[]): Uint8Array {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const data = tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  return Buffer.concat([length, text, ...data])
}

/** Writes a SAELens checkpoint and gives its folder. */
export function writeSaeLens(folder: string, config: unknown, tensors: Readonly<Record<string, TestTensor>>): string {
  return writeFolder(folder, { 'cfg.json': config, 'sae_weights.safetensors': tensors })
}

/** Writes a configuration for each name that ends in `.json`, tensors for `.safetensors`, and gives the folder. */
export function writeFolder(folder: string, files: Readonly<Record<string, unknown>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    const isTensors = name.endsWith('.safetensors')
    writeFileSync(path, isTensors ? encodeSafetensors(content as Record<string, TestTensor>) : JSON.stringify(content))
  }
  return folder
}

/** A tensor of f32 with the given numbers, or 1, 2, 3, ... */
export function tensor(shape: readonly number[], numbers?: readonly number[]): TestTensor {
  const length = shape.reduce((product, size) => product * size, 1)
  return { data: Float32Array.from(numbers ?? Array.from({ length }, (_, i) => i + 1)), shape }
}

function typeName(data: TestArray): string {
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof BigInt64Array) return 'I64'
  if (data instanceof Uint8Array) return 'U8'
  throw new Error('say whether it is F16 or BF16')
}
