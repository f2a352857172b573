/** A finished cost matrix. */
export interface MatrixProblem {
  readonly kind: 'matrix'
  readonly rows: number
  readonly columns: number
  /** [rows, columns], row-major. */
  readonly data: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>
}

/** Two sets of feature rows, whose squared distances are the costs. */
export interface FeatureProblem {
  readonly kind: 'features'
  /** Numbers in a feature row. */
  readonly width: number
  /** The parts of a feature row, side by side. */
  readonly blocks: readonly { readonly name: string; readonly columns: number }[]
  readonly rows: number
  readonly columns: number
  /** [rows, width], row-major. */
  readonly a: Float32Array<ArrayBuffer>
  /** [columns, width], row-major. */
  readonly b: Float32Array<ArrayBuffer>
}

/** Problems of one kind. The same arguments give the same numbers on every machine. */
export interface Family {
  /** One line. */
  readonly description: string
  /** What its numbers are stored in. */
  readonly dtype: 'f32' | 'f64'
  /**
   * @param size rows, and as many columns
   * @param seed of the random numbers, 32 bits
   * @param dimension of the space that planted features live in; no other family looks at it
   */
  readonly make: (size: number, seed: number, dimension: number) => MatrixProblem | FeatureProblem
}
