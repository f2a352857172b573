import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import type { Solution } from '../../src/backend/backend.js'
import type { SparseMatrix } from '../../src/tensor/sparse-matrix.js'
import { describeBackends } from '../helpers/backends.js'
import { type MatrixProblem, optionsOf, randomProblem } from '../helpers/problems.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { mulberry32 } from '../helpers/random.js'
import { randomLists, toSparse } from '../helpers/sparse.js'

const rounds = 600

/** {@link randomProblem} with most pairs forbidden, and rows that are empty or alike. */
function randomSparse(random: () => number): MatrixProblem {
  const problem = randomProblem(random)
  const { rows, columns, maximize } = problem
  const costs = problem.costs.slice()
  const share = random()
  const forbidden = maximize ? -Infinity : Infinity
  for (let e = 0; e < costs.length; e++)
    if (random() < share && e % columns !== (e / columns) % columns) costs[e] = forbidden
  const kind = random()
  for (let i = 1; i < rows; i++) {
    if (kind < 0.2 && random() < 0.3) costs.copyWithin(i * columns, 0, columns)
    if (kind > 0.8 && random() < 0.1) costs.fill(forbidden, i * columns, (i + 1) * columns)
  }
  return { ...problem, costs }
}

const listed = (problem: MatrixProblem, random: () => number): SparseMatrix => toSparse(problem, random)

describeBackends('sparse costs', (backend) => {
  const solveSparse = (costs: SparseMatrix, options = {}) => backend().solveSync(toProblem(costs, options, true))

  it('have the optimum of the matrix with infinities, and a proof over every entry', () => {
    const random = mulberry32(61)
    let infeasible = 0
    for (let round = 0; round < rounds; round++) {
      const problem = randomSparse(random)
      const { rows, columns, ...options } = optionsOf(problem)
      const costs = listed(problem, random)
      let dense: Solution | null = null
      try {
        dense = backend().solveSync(toProblem(problem.costs, { ...optionsOf(problem), solver: 'shortlist' }, true))
      } catch (error) {
        expect(error).toMatchObject({ code: 'INFEASIBLE' })
        infeasible++
      }
      for (const solver of ['jv', 'shortlist'] as const) {
        if (dense === null) {
          expect(() => solveSparse(costs, { ...options, solver })).toThrow(
            expect.objectContaining({ code: 'INFEASIBLE' }),
          )
          continue
        }
        const solution = solveSparse(costs, { ...options, solver })
        expect(solution.source).toBe('sparse')
        const prices = problem.rows > problem.columns ? solution.u : solution.v
        for (const judged of [{ ...options, costs }, problem]) {
          const judgement = certify(judged, { rowToColumn: solution.rowToColumn, prices })
          expect(judgement.violations, `round ${round} by ${solver}`).toEqual([])
          expect(Math.abs(solution.cost - judgement.primal)).toBeLessThanOrEqual(judgement.roundingBound)
        }
        expect(solution.certificate).toMatchObject({ optimal: true, proof: 'full' })
        if (problem.integer) expect(solution.certificate.gap).toBe(0)
        expect(Math.abs(solution.cost - dense.cost)).toBeLessThanOrEqual(
          solution.certificate.roundingBound + dense.certificate.roundingBound,
        )
        for (const [i, j] of solution.rowToColumn.entries()) if (j >= 0) expect(solution.columnToRow[j]).toBe(i)
      }
    }
    expect(infeasible).toBeGreaterThan(rounds / 20)
    expect(infeasible).toBeLessThan(rounds / 2)
  })

  it('have the neighbours and ranks of the matrix', () => {
    const random = mulberry32(67)
    for (let round = 0; round < 100; round++) {
      const problem = { ...randomSparse(random), unmatchedCost: 0.3 }
      const options = { maximize: problem.maximize, unmatchedCost: 0.3, neighbours: true, solver: 'jv' } as const
      const { neighbours, rowToColumn } = solveSparse(listed(problem, random), options)
      const dense = backend().solveSync(
        toProblem(problem.costs, { ...options, rows: problem.rows, columns: problem.columns }, true),
      )
      expect(rowToColumn).toEqual(dense.rowToColumn)
      expect(neighbours).toEqual(dense.neighbours)
    }
  })

  it('name rows that have too few columns between them', () => {
    // Rows 1, 3 and 4 share the columns 0 and 2.
    const costs: SparseMatrix = {
      indptr: Int32Array.of(0, 5, 7, 12, 13, 15),
      indices: Int32Array.of(0, 1, 2, 3, 4, 2, 0, 0, 1, 2, 3, 4, 2, 0, 2),
      data: new Float32Array(15).fill(1),
      rows: 5,
      columns: 5,
    }
    const violator = /row (1|3|4) and 2 other rows .*(only 2 allowed columns)/
    expect(() => solveSparse(costs)).toThrow(
      expect.objectContaining({ code: 'INFEASIBLE', message: expect.stringMatching(violator) }),
    )
    const empty = { ...costs, indptr: Int32Array.of(0, 0, 7, 12, 13, 15).map((end) => Math.max(0, end - 5)) }
    const fewer = { ...empty, indices: costs.indices.slice(5), data: costs.data.slice(5) }
    expect(() => solveSparse(fewer)).toThrow(/row 0 has no allowed column|2 allowed columns/)
    // Every row could go to the one column that a fourth has to share: its own problem, seen from the shorter side.
    const tall = {
      indptr: Int32Array.of(0, 1, 2, 3),
      indices: Int32Array.of(1, 1, 1),
      data: new Float64Array(3),
      rows: 3,
      columns: 2,
    }
    expect(() => solveSparse(tall)).toThrow(/column 0 has no allowed row/)
    expect(solveSparse(tall, { unmatchedCost: 5 })).toMatchObject({ cost: 5 })
  })

  it.each([
    [0, 0],
    [0, 5],
    [5, 0],
    [4, 6],
    [6, 4],
  ])('of %d x %d without any allowed pair', (rows, columns) => {
    const costs: SparseMatrix = {
      indptr: new Int32Array(rows + 1),
      indices: new Int32Array(0),
      data: new Float32Array(0),
      rows,
      columns,
    }
    const solution = solveSparse(costs, { unmatchedCost: 2, solver: 'shortlist' })
    expect(solution.rowToColumn).toEqual(new Int32Array(rows).fill(-1))
    expect(solution).toMatchObject({
      cost: 2 * Math.min(rows, columns),
      source: 'sparse',
      certificate: { optimal: true },
    })
    if (rows > 0 && columns > 0) {
      expect(() => solveSparse(costs)).toThrow(expect.objectContaining({ code: 'INFEASIBLE' }))
    }
  })

  it('of a thousand rows agree with the matrix, also rectangular, with ties and with rows alike', async () => {
    const random = mulberry32(71)
    for (const [rows, columns] of [
      [1000, 1000],
      [700, 1000],
      [1000, 700],
    ]) {
      for (const kind of ['uniform', 'integers', 'huge', 'tiny', 'alike'] as const) {
        const lists = randomLists(rows, columns, 12, random)
        const { indptr, indices } = lists
        const data = lists.data.map(
          (x) => ({ uniform: x, integers: Math.floor(10 * x), huge: x * 1e300, tiny: x * 1e-300, alike: x })[kind],
        )
        if (kind === 'alike') {
          for (let i = 1; i < rows; i++) {
            if (i % 10 !== 1) continue
            data.copyWithin(indptr[i], 0, 12)
            indices.copyWithin(indptr[i], 0, 12)
          }
        }
        const matrix = new Float64Array(rows * columns).fill(Infinity)
        for (let i = 0; i < rows; i++) {
          for (let e = indptr[i]; e < indptr[i + 1]; e++) matrix[i * columns + indices[e]] = data[e]
        }
        const unmatchedCost = kind === 'alike' ? 0.4 : Infinity
        const options = { unmatchedCost, solver: 'shortlist' } as const
        const problem = toProblem({ ...lists, data }, options, false)
        const solution = await backend().solve(problem, {})
        const dense = await backend().solve(toProblem(matrix, { ...options, rows, columns }, false), {})
        expect(solution.certificate).toMatchObject({ optimal: true, proof: 'full' })
        expect(Math.abs(solution.cost - dense.cost)).toBeLessThanOrEqual(
          solution.certificate.roundingBound + dense.certificate.roundingBound,
        )
        const { milliseconds: _, ...atOnce } = backend().solveSync(problem)
        const { milliseconds: __, ...inTime } = solution
        expect(atOnce).toEqual(inTime)
      }
    }
  })

  it('start from given prices, maximize, and are proved from the lists', () => {
    const random = mulberry32(73)
    const costs = randomLists(2000, 2000, 10, random)
    for (const maximize of [false, true]) {
      const cold = solveSparse(costs, { maximize })
      const warm = solveSparse(costs, { maximize, prices: { u: cold.u, v: cold.v } })
      expect(Math.abs(warm.cost - cold.cost)).toBeLessThanOrEqual(cold.certificate.roundingBound)
      expect(warm.work.bids).toBeLessThan(cold.work.bids)
      const quick = solveSparse(costs, { maximize, verify: 'shortlist' })
      expect(quick.certificate).toMatchObject({ optimal: true, proof: 'shortlist' })
    }
  })

  it('by greedy take the cheapest pairs', () => {
    const costs: SparseMatrix = {
      indptr: Int32Array.of(0, 2, 4),
      indices: Int32Array.of(0, 1, 1, 0),
      data: Float64Array.of(1, 2, 9, 3),
      rows: 2,
      columns: 2,
    }
    const { rowToColumn, cost, certificate } = solveSparse(costs, { solver: 'greedy' })
    expect([...rowToColumn]).toEqual([0, 1])
    expect(cost).toBe(10)
    expect(certificate).toMatchObject({ optimal: false })
    // Without the dear pair the cheapest one cannot be kept.
    const fewer = { ...costs, data: Float64Array.of(1, 2, Infinity, 3) }
    expect(solveSparse(fewer, { solver: 'greedy' })).toMatchObject({ cost: 5 })
    expect(solveSparse(fewer, { solver: 'greedy', unmatchedCost: 1.5 })).toMatchObject({ cost: 2.5 })
  })

  it.each([
    ['NaN', [1, NaN, 2], {}, 'COST_NAN', /row 0, column 0/],
    ['-Infinity', [1, 2, -Infinity], {}, 'COST_NAN', /row 1, column 1/],
    ['+Infinity maximizing', [1, 2, Infinity], { maximize: true }, 'COST_NAN', /row 1, column 1/],
    ['overflow', [1, 1e308, 1e308], {}, 'COST_RANGE', /f64/],
  ])('with %s end in the right error', (_, data, options, code, message) => {
    const indptr = Int32Array.of(0, 2, 3)
    const costs = { indptr, indices: Int32Array.of(1, 0, 1), data: Float64Array.from(data), rows: 2, columns: 2 }
    const refusal = expect.objectContaining({ code, message: expect.stringMatching(message) })
    expect(() => solveSparse(costs, options)).toThrow(refusal)
  })

  it.each([
    ['in order', [1, 1, 0]],
    ['out of order', [1, 0, 1]],
  ])('with a column twice, %s, are refused', (_, indices) => {
    for (const [rows, columns] of [
      [1, 3],
      [1, 2],
      [4, 2],
    ]) {
      const indptr = new Int32Array(rows + 1).fill(3, 1)
      const costs = { indptr, indices: Int32Array.from(indices), data: new Float32Array(3), rows, columns }
      expect(() => solveSparse(costs)).toThrow(
        expect.objectContaining({ code: 'COST_DUPLICATE', message: expect.stringMatching(/column 1 twice in row 0/) }),
      )
    }
  })

  it.skipIf(python === null)(
    `agree with min_weight_full_bipartite_matching${needsPython}`,
    { timeout: 120_000 },
    () => {
      const random = mulberry32(79)
      const folder = mkdtempSync(path.join(tmpdir(), 'sae-match-sparse-'))
      try {
        const problems: SparseMatrix[] = []
        const numbers: number[] = []
        for (let p = 0; p < 400; p++) {
          const rows = 1 + Math.floor(random() * 60)
          const columns = 1 + Math.floor(random() * 60)
          const size = 1 + Math.floor(random() * Math.min(columns, 8))
          const lists = randomLists(rows, columns, size, random, p % 4 > 0)
          // scipy takes an entry of 0 for none.
          const data = lists.data.map((x) => (p % 2 ? x + 0.01 : Math.ceil(10 * x)))
          problems.push({ ...lists, data })
          numbers.push(
            rows,
            columns,
            lists.indices.length,
            p % 3 === 0 ? 1 : 0,
            ...lists.indptr,
            ...lists.indices,
            ...data,
          )
        }
        writeFileSync(path.join(folder, 'problems'), Buffer.from(Float64Array.from(numbers).buffer))
        runPython(script, [path.join(folder, 'problems'), path.join(folder, 'totals')])
        const expected = new Float64Array(new Uint8Array(readFileSync(path.join(folder, 'totals'))).buffer)
        let infeasible = 0
        for (const [p, costs] of problems.entries()) {
          const options = { maximize: p % 3 === 0, solver: 'shortlist' } as const
          if (Number.isNaN(expected[p])) {
            infeasible++
            expect(() => solveSparse(costs, options)).toThrow(expect.objectContaining({ code: 'INFEASIBLE' }))
          } else {
            expect(Math.abs(solveSparse(costs, options).cost - expected[p])).toBeLessThan(1e-11)
          }
        }
        expect(infeasible).toBeGreaterThan(5)
        expect(infeasible).toBeLessThan(200)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
})

/** f64 rows, columns, entries, maximize, then indptr, indices and data of every problem. */
const script = `
import sys, numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
numbers = np.fromfile(sys.argv[1]); at = 0; out = []
def take(count):
    global at
    at += count
    return numbers[at - count:at]
while at < len(numbers):
    n, m, entries, maximize = take(4).astype(int)
    indptr, indices, data = take(n + 1).astype(np.int32), take(entries).astype(np.int32), take(entries)
    c = csr_array((data, indices, indptr), shape=(n, m))
    try:
        i, j = min_weight_full_bipartite_matching(c, maximize=bool(maximize))
        out.append(c.toarray()[i, j].sum())
    except ValueError:
        out.append(np.nan)
np.array(out).tofile(sys.argv[2])
`
