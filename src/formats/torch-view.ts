import { allocateTensor, elementCount, type Tensor } from '../tensor/tensor.js'

/** Which elements of a storage make a tensor: (i, j, ...) is element `offset + i * strides[0] + j * strides[1] + ...` */
export interface View {
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** How many elements lie from the first of a view to its last one. Not a safe integer where the view is absurd. */
export function spanOf({ shape, strides }: View): number {
  if (elementCount(shape) === 0) return 0
  return shape.reduce((span, length, axis) => span + (length - 1) * strides[axis], 1)
}

/** Whether a view has every element of its span, each once: such a tensor is the span itself, whatever its order. */
export function isDense({ shape, strides }: View): boolean {
  const axes = [...shape.keys()].filter((axis) => shape[axis] !== 1).sort((a, b) => strides[a] - strides[b])
  let stride = 1
  for (const axis of axes) {
    if (strides[axis] !== stride) return false
    stride *= shape[axis]
  }
  return true
}

/** Whether the rows of a dense view lie one after the other, in row-major order. */
export function isRowMajor({ shape, strides }: View): boolean {
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== stride) return false
    stride *= shape[axis]
  }
  return true
}

/** The same numbers in row-major order. @param name for the message of `OUT_OF_MEMORY`. */
export function packed({ data, dtype, shape, strides }: Tensor, name: string): Tensor {
  const result = allocateTensor(dtype, shape, false, name)
  const out = result.data as { [index: number]: number | bigint }
  const position = shape.map(() => 0)
  let index = 0
  for (let i = 0; i < result.data.length; i++) {
    out[i] = data[index]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += strides[axis]
      if (++position[axis] < shape[axis]) break
      index -= strides[axis] * shape[axis]
      position[axis] = 0
    }
  }
  return result
}
