/**
 * How well an approximation explains a hidden state (docs/method.md#explained-variance), over tokens t, with
 * `e_t = xhat_t - x_t` and token means `xbar`, `ebar`. NaN without tokens, and where the target does not vary at all.
 */
export interface Fidelity {
  /** `1 - fvu` */
  readonly explainedVariance: number
  /** `sum_t |e_t|^2 / sum_t |x_t - xbar|^2` */
  readonly fvu: number
  /** `1 - fvuVar` */
  readonly evVar: number
  /** `sum_t |e_t - ebar|^2 / sum_t |x_t - xbar|^2`: forgives a constant offset. */
  readonly fvuVar: number
  /** Mean over the dimensions k that vary of `1 - Var_k(e) / Var_k(x)`. */
  readonly evDim: number
}

/** Sums over tokens of a vector of d numbers, shifted by the first of them so that squares do not cancel. */
export class Spread {
  count = 0
  private readonly shift: Float64Array
  private readonly sums: Float64Array
  private readonly squares: Float64Array

  constructor(readonly dimension: number) {
    this.shift = new Float64Array(dimension)
    this.sums = new Float64Array(dimension)
    this.squares = new Float64Array(dimension)
  }

  add(values: Float64Array): void {
    if (this.count++ === 0) this.shift.set(values)
    const { shift, sums, squares } = this
    for (let k = 0; k < sums.length; k++) {
      const value = values[k] - shift[k]
      sums[k] += value
      squares[k] += value * value
    }
  }

  /** [d] `sum_t (x_tk - xbar_k)^2` */
  squaredDeviations(): Float64Array {
    return this.squares.map((square, k) => Math.max(0, square - (this.sums[k] * this.sums[k]) / this.count))
  }
}

/** What an approximation of a hidden state gets wrong, added up token by token. */
export class ApproximationError {
  private readonly spread: Spread
  private readonly error: Float64Array
  private square = 0

  constructor(dimension: number) {
    this.spread = new Spread(dimension)
    this.error = new Float64Array(dimension)
  }

  /** @param xhat [d] stands for `x` [d] */
  add(xhat: Float64Array, x: Float64Array): void {
    const { error } = this
    let square = 0
    for (let k = 0; k < error.length; k++) {
      error[k] = xhat[k] - x[k]
      square += error[k] * error[k]
    }
    this.square += square
    this.spread.add(error)
  }

  /** @param target the sums of every `x` that was added */
  fidelity(target: Spread): Fidelity {
    const varianceOfX = target.squaredDeviations()
    const varianceOfError = this.spread.squaredDeviations()
    const total = sum(varianceOfX)
    const fvu = total > 0 ? this.square / total : Number.NaN
    const fvuVar = total > 0 ? sum(varianceOfError) / total : Number.NaN
    const shares = varianceOfX
      .map((variance, k) => 1 - varianceOfError[k] / variance)
      .filter((_, k) => varianceOfX[k] > 0)
    return { explainedVariance: 1 - fvu, fvu, evVar: 1 - fvuVar, fvuVar, evDim: sum(shares) / shares.length }
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
