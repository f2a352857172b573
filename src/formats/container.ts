import type { ElementType, Tensor } from '../tensor/tensor.js'
import type { SourceFile } from './file.js'

/** What a container says about a tensor before it is read. */
export interface TensorEntry {
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

/** A file of named tensors. Opening it reads and checks the headers only. */
export interface Container {
  readonly file: SourceFile
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** Reads one tensor. @throws `TENSOR_MISSING` for a name that is not in {@link tensors}, `FILE_TRUNCATED`, `FORMAT_INVALID`. */
  read(name: string): Promise<Tensor>
  /**
   * Reads a tensor from its first row to its last, `rows` of them at a time, without ever holding it whole.
   * @throws as {@link read}, and `FORMAT_INVALID` for a tensor that lies column by column (Fortran order).
   */
  readRows(name: string, rows: number): AsyncIterable<Tensor>
  close(): Promise<void>
}
