import { SaeMatchError, wrongValue } from '../errors.js'
import { bf16ToNumber, f16Table } from './half.js'
import type { Dtype, Matrix, StoredArray } from './matrix.js'

/** Every element type that a tensor file may hold; only a {@link Dtype} can be that of a weight matrix. */
export type ElementType = Dtype | 'bool' | 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64'

/** The array type that holds an {@link ElementType}. */
export type TensorData =
  | StoredArray
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array

/**
 * A tensor as stored, over a `SharedArrayBuffer` of its own: worker threads and the addon read it without a copy.
 * Element (i, j, ...) is `data[i * strides[0] + j * strides[1] + ...]`; Fortran order shows in the strides alone.
 */
export interface Tensor {
  readonly data: TensorData
  readonly dtype: ElementType
  readonly shape: readonly number[]
  /** In elements, one for each dimension. */
  readonly strides: readonly number[]
}

const arrays = {
  f16: Uint16Array,
  bf16: Uint16Array,
  f32: Float32Array,
  f64: Float64Array,
  bool: Uint8Array,
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
} as const satisfies Record<ElementType, unknown>

/** Bytes of one element of `dtype`. */
export function elementBytes(dtype: ElementType): number {
  return arrays[dtype].BYTES_PER_ELEMENT
}

/** Number of elements of a shape; not a safe integer where the shape is absurd. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/** Whether a weight matrix may have this type. */
export function isFloat(dtype: ElementType): dtype is Dtype {
  return dtype === 'f16' || dtype === 'bf16' || dtype === 'f32' || dtype === 'f64'
}

/**
 * A tensor of zeros, to be filled from a file.
 * @param name what is being read, for the message of `OUT_OF_MEMORY`.
 */
export function allocateTensor(
  dtype: ElementType,
  shape: readonly number[],
  fortranOrder: boolean,
  name: string,
): Tensor {
  const count = elementCount(shape)
  const bytes = count * elementBytes(dtype)
  let data: TensorData
  try {
    const TypedArray = arrays[dtype] as new (buffer: SharedArrayBuffer) => TensorData
    data = new TypedArray(new SharedArrayBuffer(bytes))
  } catch (cause) {
    throw new SaeMatchError('OUT_OF_MEMORY', `${name} needs ${bytes} bytes, which could not be allocated`, { cause })
  }
  return { data, dtype, shape, strides: denseStrides(shape, fortranOrder) }
}

/** The matrix view of a tensor of rank 2 with a float type. */
export function matrixOf({ data, dtype, shape, strides }: Tensor): Matrix {
  if (shape.length !== 2) throw wrongValue('tensor', 'a tensor of rank 2', `rank ${shape.length}`)
  if (!isFloat(dtype)) throw wrongValue('tensor', 'a tensor of f16, bf16, f32 or f64', dtype)
  const [rows, columns] = shape
  const [rowStride, columnStride] = strides
  return { data: data as StoredArray, dtype, rows, columns, rowStride, columnStride, offset: 0 }
}

/** The numbers of a tensor in row-major order, widened exactly (64-bit integers are rounded to f64). For small tensors. */
export function toFloat64({ data, dtype, shape, strides }: Tensor): Float64Array {
  const valueAt = elementReader(data, dtype)
  const values = sharedFloat64(elementCount(shape))
  const position = shape.map(() => 0)
  let index = 0
  for (let i = 0; i < values.length; i++) {
    values[i] = valueAt(index)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += strides[axis]
      if (++position[axis] < shape[axis]) break
      index -= strides[axis] * shape[axis]
      position[axis] = 0
    }
  }
  return values
}

/** A function that gives the value of element `index` of `data`, widened to f64. */
export function elementReader(data: TensorData, dtype: ElementType): (index: number) => number {
  switch (dtype) {
    case 'f16': {
      const table = f16Table()
      return (index) => table[data[index] as number]
    }
    case 'bf16':
      return (index) => bf16ToNumber(data[index] as number)
    default:
      return (index) => Number(data[index])
  }
}

/** `length` zeros that worker threads can share. */
export function sharedFloat64(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT))
}

function denseStrides(shape: readonly number[], fortranOrder: boolean): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let step = 0; step < shape.length; step++) {
    const axis = fortranOrder ? step : shape.length - 1 - step
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}
