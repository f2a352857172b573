/**
 * Sums over a row in one fixed order, so that every backend and instruction set gives the same bits: term k belongs to
 * lane k mod 8, every lane adds its terms in ascending order, and {@link sumOfLanes} adds the lanes. No product is
 * fused with an addition.
 */
const lanes = 8

/** ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) */
function sumOfLanes(s: Float64Array): number {
  return s[0] + s[4] + (s[2] + s[6]) + (s[1] + s[5] + (s[3] + s[7]))
}

const rest = new Float64Array(lanes)

/** Sum of (x[xStart + k] - y[yStart + k])^2 over k < width, each difference and square rounded. */
export function squaredDistance(
  x: Float64Array,
  xStart: number,
  y: Float64Array,
  yStart: number,
  width: number,
): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let s4 = 0
  let s5 = 0
  let s6 = 0
  let s7 = 0
  const whole = width - (width % lanes)
  for (let k = 0; k < whole; k += lanes) {
    const p = xStart + k
    const q = yStart + k
    let d = x[p] - y[q]
    s0 += d * d
    d = x[p + 1] - y[q + 1]
    s1 += d * d
    d = x[p + 2] - y[q + 2]
    s2 += d * d
    d = x[p + 3] - y[q + 3]
    s3 += d * d
    d = x[p + 4] - y[q + 4]
    s4 += d * d
    d = x[p + 5] - y[q + 5]
    s5 += d * d
    d = x[p + 6] - y[q + 6]
    s6 += d * d
    d = x[p + 7] - y[q + 7]
    s7 += d * d
  }
  const s = rest
  s[0] = s0
  s[1] = s1
  s[2] = s2
  s[3] = s3
  s[4] = s4
  s[5] = s5
  s[6] = s6
  s[7] = s7
  for (let k = whole; k < width; k++) {
    const d = x[xStart + k] - y[yStart + k]
    s[k - whole] += d * d
  }
  return sumOfLanes(s)
}

/** Sum of x[xStart + k] * y[yStart + k] over k < width, each product rounded. */
export function dotProduct(x: Float64Array, xStart: number, y: Float64Array, yStart: number, width: number): number {
  const s = rest.fill(0)
  const whole = width - (width % lanes)
  for (let k = 0; k < whole; k += lanes) {
    for (let lane = 0; lane < lanes; lane++) s[lane] += x[xStart + k + lane] * y[yStart + k + lane]
  }
  for (let k = whole; k < width; k++) s[k - whole] += x[xStart + k] * y[yStart + k]
  return sumOfLanes(s)
}
