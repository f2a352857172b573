import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import { getBackendSync } from '../../src/backend/select.js'
import { loadSae } from '../../src/matching/load.js'
import { featureRows, type Rows } from '../../src/sae/rows.js'
import { type Matrix, rowMajor } from '../../src/tensor/matrix.js'
import { describeBackendsOverRows } from '../helpers/backends.js'
import { allPairs, makeRows } from '../helpers/feature-rows.js'
import { mulberry32 } from '../helpers/random.js'
import { referenceRowMath } from '../helpers/row-math.js'

const shapes = [
  { n: 1, m: 1 },
  { n: 33, m: 33 },
  { n: 40, m: 57 },
  { n: 64, m: 31 },
]

/** As a matrix, in a byte each (where a backend can), and nowhere. */
const waysToKeepCosts = [{ source: 'dense' }, { source: 'implicit' }, { source: 'implicit', memoryBudget: 0 }] as const

describeBackendsOverRows('feature rows', (backend, slow) => {
  it.each(shapes)('exact costs of $n x $m have the same bits on every backend', async ({ n, m }) => {
    const [a, b] = [makeRows(n, 1), makeRows(m, 2)]
    const reference = getBackendSync('typescript')
    expect(await backend().pairCosts(a, b, ...allPairs(n, m))).toEqual(
      await reference.pairCosts(a, b, ...allPairs(n, m)),
    )
    expect(await backend().squaredBlockNorms(a)).toEqual(await reference.squaredBlockNorms(a))
    for (const { matrix } of a.blocks) {
      const vector = Float64Array.from({ length: matrix.columns }, (_, k) => 1 / (k + 1))
      expect(await backend().squaredRowNorms(matrix)).toEqual(await reference.squaredRowNorms(matrix))
      expect(await backend().rowDots(matrix, vector)).toEqual(await reference.rowDots(matrix, vector))
    }
  })

  it.each([
    { n: 63, d: 65 },
    { n: 64, d: 64 },
    { n: 130, d: 1 },
    { n: 1, d: 130 },
    { n: 129, d: 200 },
  ])('norms and products of $n x $d, stored in any order, have the bits of the definition', async ({ n, d }) => {
    const random = mulberry32(n)
    const vector = Float64Array.from({ length: d }, () => random() - 0.5)
    for (const [rowStride, columnStride, offset] of [
      [1, n, 0],
      [1, n + 3, 5],
      [2, 2 * n, 1],
      [d, 1, 2],
    ]) {
      const length = offset + n * rowStride + d * columnStride
      const values = Float64Array.from({ length }, () => random() - 0.5)
      const half = Uint16Array.from({ length }, () => Math.floor(random() * 0x3c00))
      for (const [dtype, data] of [
        ['f64', values],
        ['f32', Float32Array.from(values)],
        ['f16', half],
        ['bf16', half],
      ] as const) {
        const matrix: Matrix = { data, dtype, rows: n, columns: d, rowStride, columnStride, offset }
        expect(await backend().squaredRowNorms(matrix)).toEqual(await referenceRowMath.squaredRowNorms(matrix))
        expect(await backend().rowDots(matrix, vector)).toEqual(await referenceRowMath.rowDots(matrix, vector))
      }
    }
  })

  it.each(shapes)('$n x $m: the formed matrix lies within rounding of the exact costs', async ({ n, m }) => {
    const [a, b] = [makeRows(n, 3), makeRows(m, 4)]
    const parts = await backend().pairCosts(a, b, ...allPairs(n, m))
    const formed = await backend().costMatrix(a, b, {})
    for (const [e, cost] of formed.entries()) {
      expect(Math.abs(cost - (parts[2 * e] + parts[2 * e + 1]))).toBeLessThan(64 * 2 ** -24 * 40)
    }
  })

  it.each(shapes)('$n x $m: dense and implicit reach the optimum of the exact costs', async ({ n, m }) => {
    const [a, b] = [makeRows(n, 5), makeRows(m, 6)]
    const parts = await backend().pairCosts(a, b, ...allPairs(n, m))
    const costs = Float64Array.from({ length: n * m }, (_, e) => parts[2 * e] + parts[2 * e + 1])
    for (const unmatchedCost of [Infinity, 1.5]) {
      const options = { unmatchedCost, neighbours: true, solver: 'shortlist' as const }
      const truth = await backend().solve(toProblem(costs, { ...options, rows: n, columns: m }, false), {})
      for (const way of waysToKeepCosts) {
        const solution = await backend().solve(toProblem({ a, b }, { ...options, ...way }, false), {})
        expect(solution.source).toBe(way.source)
        const prices = n > m ? solution.u : solution.v
        const judgement = certify(
          { costs, rows: n, columns: m, unmatchedCost },
          { rowToColumn: solution.rowToColumn, prices },
        )
        expect(judgement.violations).toEqual([])
        expect(solution.certificate.optimal).toBe(true)
        expect(Math.abs(solution.cost - truth.cost)).toBeLessThanOrEqual(2 * judgement.roundingBound)
        expect(solution.neighbours?.nearestColumn).toEqual(truth.neighbours?.nearestColumn)
        expect(solution.neighbours?.nearestRow).toEqual(truth.neighbours?.nearestRow)
      }
      checkNeighbours(costs, n, m, truth.rowToColumn, truth.neighbours)
    }
  })

  it('of real SAEs have the same answer at once as in time, and the same optimum everywhere', async () => {
    const [a, b] = await realRows(slow ? 8 : 1)
    for (const way of waysToKeepCosts) {
      for (const [unmatchedCost, neighbours] of [
        [Infinity, true],
        [Infinity, false],
        [1500, true],
      ] as const) {
        const problem = toProblem({ a, b }, { ...way, unmatchedCost, neighbours }, true)
        const { milliseconds: _, ...atOnce } = backend().solveSync(problem)
        const { milliseconds: __, ...inTime } = await backend().solve(problem, {})
        expect(atOnce).toEqual(inTime)
        expect(atOnce).toMatchObject({ source: way.source, certificate: { optimal: true, proof: 'full' } })
        const reference = getBackendSync('typescript').solveSync(problem)
        expect(Math.abs(atOnce.cost - reference.cost)).toBeLessThanOrEqual(2 * reference.certificate.roundingBound)
        expect(atOnce.rowToColumn).toEqual(reference.rowToColumn)
      }
    }
  })

  it('are scored until told to stop', async () => {
    const [a, b] = [makeRows(20, 1), makeRows(20, 2)]
    const reason = new Error('no longer needed')
    const control = { signal: AbortSignal.abort(reason) }
    await expect(backend().pairCosts(a, b, ...allPairs(20, 20), control)).rejects.toBe(reason)
    await expect(backend().squaredBlockNorms(a, control)).rejects.toBe(reason)
  })

  it('whose squared distances leave the range of f32 have no cost matrix', async () => {
    for (const [x, y] of [
      [1e20, 2e20],
      [Number.NaN, 1],
    ]) {
      const [a, b] = [x, y].map((value) => {
        const matrix = rowMajor(Float32Array.of(value), 'f32', 1, 1)
        return { blocks: [{ name: 'decoder' as const, matrix, scale: null }], count: 1, width: 1, index: null }
      })
      await expect(backend().costMatrix(a, b, {})).rejects.toMatchObject({ code: 'COST_RANGE' })
    }
  })

  it('may be none', async () => {
    const [none, some] = [makeRows(0, 7), makeRows(5, 8)]
    expect(await backend().costMatrix(none, some, {})).toHaveLength(0)
    expect(await backend().costMatrix(some, none, {})).toHaveLength(0)
  })

  it('over the memory budget are refused by jv, with one message', async () => {
    const [a, b] = [makeRows(40, 7), makeRows(30, 8)]
    const withBudget = (memoryBudget: number) => toProblem({ a, b }, { solver: 'jv', memoryBudget }, false)
    expect((await backend().solve(withBudget(8 * 40 * 30), {})).certificate.optimal).toBe(true)
    const refusal = {
      code: 'SOLVER_UNAVAILABLE',
      message:
        'Solver jv needs the whole cost matrix in memory, which is over the memory budget; solver shortlist does not',
    }
    await expect(backend().solve(withBudget(8 * 40 * 30 - 1), {})).rejects.toMatchObject(refusal)
    expect(() => backend().solveSync(withBudget(0))).toThrow(expect.objectContaining(refusal))
  })
})

/** Rows of some features of two SAEs that come with the package, of different numbers, or of a share of those. */
async function realRows(share: number): Promise<[Rows, Rows]> {
  const rows = async (layer: number, every: number): Promise<Rows> => {
    const folder = new URL(`../../examples/smollm2-135m-1024/layer_${layer}`, import.meta.url)
    const math = getBackendSync('typescript')
    const all = await featureRows(await loadSae(fileURLToPath(folder), { backend: 'typescript' }), {}, math)
    const features = all.index ?? Int32Array.from({ length: all.count }, (_, i) => i)
    const index = features.filter((_, i) => i % (every * share) === 0)
    return { ...all, index, count: index.length }
  }
  return [await rows(12, 5), await rows(13, 4)]
}

/** Against plain search. */
function checkNeighbours(
  costs: Float64Array,
  n: number,
  m: number,
  rowToColumn: Int32Array,
  neighbours: {
    nearestColumn: Int32Array
    margin: Float64Array
    rankInRow: Int32Array
    rankInColumn: Int32Array
  } | null,
): void {
  for (let i = 0; i < n; i++) {
    const row = Array.from(costs.subarray(i * m, (i + 1) * m), (cost, j) => ({ cost, j }))
    const order = row.slice().sort((x, y) => x.cost - y.cost || x.j - y.j)
    expect(neighbours?.nearestColumn[i]).toBe(order[0].j)
    const partner = rowToColumn[i]
    expect(neighbours?.rankInRow[i]).toBe(partner < 0 ? -1 : order.findIndex(({ j }) => j === partner))
    if (partner < 0) continue
    const others = order.filter(({ j }) => j !== partner)
    expect(neighbours?.margin[i]).toBe(others.length ? others[0].cost - row[partner].cost : NaN)
    const column = Array.from({ length: n }, (_, r) => ({ cost: costs[r * m + partner], r }))
    column.sort((x, y) => x.cost - y.cost || x.r - y.r)
    expect(neighbours?.rankInColumn[partner]).toBe(column.findIndex(({ r }) => r === i))
  }
}
