/** Rows of each side that the innermost loop multiplies at once: what fits the registers V8 has for f64. */
const panel = 3
/** Terms of the inner dimension that are packed at once, so that two panels stay in the first-level cache. */
const depth = 384

/** Rows of A per call that use the packed panels of B well. */
export const productRows = 48

/**
 * out[r * count + j] = sum_k a[rows[r], k] * b[j, k] for j < count: blocked, over packed panels, f64 throughout.
 * @param a row-major [*, width]
 * @param b row-major [count, width]
 */
export function multiplyRows(
  a: Float64Array,
  rows: ArrayLike<number>,
  b: Float64Array,
  count: number,
  width: number,
  out: Float64Array,
): void {
  const rowPanels = Math.ceil(rows.length / panel)
  const aPacked = new Float64Array(rowPanels * panel * depth)
  const bPacked = new Float64Array(panel * depth)
  for (let begin = 0; begin < width; begin += depth) {
    const terms = Math.min(depth, width - begin)
    for (let p = 0; p < rowPanels; p++) {
      for (let lane = 0; lane < panel; lane++) {
        const r = p * panel + lane
        const start = r < rows.length ? rows[r] * width + begin : -1
        pack(a, start, terms, aPacked, p * panel * depth + lane)
      }
    }
    for (let j = 0; j < count; j += panel) {
      for (let lane = 0; lane < panel; lane++) {
        pack(b, j + lane < count ? (j + lane) * width + begin : -1, terms, bPacked, lane)
      }
      for (let p = 0; p < rowPanels; p++) {
        multiplyPanels(aPacked, p * panel * depth, bPacked, terms, out, p * panel, rows.length, j, count, begin === 0)
      }
    }
  }
}

/** Every `panel`-th entry of `packed` from `to` becomes a term of one row; zeros for a row that does not exist. */
function pack(values: Float64Array, start: number, terms: number, packed: Float64Array, to: number): void {
  if (start < 0) {
    for (let k = 0; k < terms; k++) packed[to + k * panel] = 0
  } else {
    for (let k = 0; k < terms; k++) packed[to + k * panel] = values[start + k]
  }
}

const tile = new Float64Array(panel * panel)

/** Adds the product of two packed panels to a 3 x 3 tile of `out`, or sets it. */
function multiplyPanels(
  aPacked: Float64Array,
  aStart: number,
  bPacked: Float64Array,
  terms: number,
  out: Float64Array,
  row: number,
  rows: number,
  column: number,
  columns: number,
  first: boolean,
): void {
  let c00 = 0
  let c01 = 0
  let c02 = 0
  let c10 = 0
  let c11 = 0
  let c12 = 0
  let c20 = 0
  let c21 = 0
  let c22 = 0
  let p = aStart
  const end = terms * panel
  for (let q = 0; q < end; q += panel) {
    const a0 = aPacked[p]
    const a1 = aPacked[p + 1]
    const a2 = aPacked[p + 2]
    const b0 = bPacked[q]
    c00 += a0 * b0
    c10 += a1 * b0
    c20 += a2 * b0
    const b1 = bPacked[q + 1]
    c01 += a0 * b1
    c11 += a1 * b1
    c21 += a2 * b1
    const b2 = bPacked[q + 2]
    c02 += a0 * b2
    c12 += a1 * b2
    c22 += a2 * b2
    p += panel
  }
  const t = tile
  t[0] = c00
  t[1] = c01
  t[2] = c02
  t[3] = c10
  t[4] = c11
  t[5] = c12
  t[6] = c20
  t[7] = c21
  t[8] = c22
  for (let i = 0; i < panel && row + i < rows; i++) {
    for (let j = 0; j < panel && column + j < columns; j++) {
      const at = (row + i) * columns + column + j
      out[at] = first ? t[i * panel + j] : out[at] + t[i * panel + j]
    }
  }
}
