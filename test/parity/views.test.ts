import { expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import type { Matrix } from '../../src/tensor/matrix.js'
import { describeBackends } from '../helpers/backends.js'
import { optionsOf, randomProblem } from '../helpers/problems.js'
import { mulberry32 } from '../helpers/random.js'

interface Layout {
  readonly rowStride: number
  readonly columnStride: number
  readonly offset: number
  readonly shared?: boolean
}

/** The same costs in another layout, with NaN wherever the view does not look. */
function viewOf(costs: Float32Array | Float64Array, rows: number, columns: number, layout: Layout): Matrix {
  const { rowStride, columnStride, offset, shared = false } = layout
  const length = offset + rows * rowStride + columns * columnStride
  const Type = costs.constructor as Float64ArrayConstructor
  const data = shared ? new Type(new SharedArrayBuffer(length * Type.BYTES_PER_ELEMENT)) : new Type(length)
  data.fill(Number.NaN)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[offset + i * rowStride + j * columnStride] = costs[i * columns + j]
  }
  const dtype = costs instanceof Float32Array ? 'f32' : 'f64'
  return { data, dtype, rows, columns, rowStride, columnStride, offset }
}

describeBackends('costs in strided views', (backend) => {
  it('give the answer of the same costs side by side, to the bit', async () => {
    const random = mulberry32(8)
    for (let round = 0; round < 150; round++) {
      const problem = randomProblem(random)
      const { rows, columns, costs } = problem
      const { rows: _rows, columns: _columns, ...options } = optionsOf(problem)
      const solve = async (given: Parameters<typeof toProblem>[0], shape: object) => {
        const asked = toProblem(given, { ...options, ...shape }, false)
        const answers = [
          await backend()
            .solve(asked, {})
            .catch((error) => error),
        ]
        try {
          answers.push(backend().solveSync(asked))
        } catch (error) {
          answers.push(error)
        }
        return answers.map((answer) =>
          answer instanceof Error
            ? { message: answer.message }
            : { rowToColumn: answer.rowToColumn, cost: answer.cost, u: answer.u, v: answer.v },
        )
      }
      const [expected] = await solve(costs, { rows, columns })
      for (const layout of [
        { rowStride: columns + 3, columnStride: 1, offset: 5 },
        { rowStride: columns + 1, columnStride: 1, offset: 0, shared: true },
        { rowStride: columns, columnStride: 1, offset: 2, shared: true },
        { rowStride: 1, columnStride: rows, offset: 0 },
        { rowStride: 2 * columns + 1, columnStride: 2, offset: 1 },
      ]) {
        const view = viewOf(costs, rows, columns, layout)
        expect(await solve(view, {}), JSON.stringify(layout)).toEqual([expected, expected])
      }
    }
  })

  it('are judged by the independent checker in place', () => {
    const random = mulberry32(9)
    const costs = Float32Array.from({ length: 20 * 30 }, random)
    const view = viewOf(costs, 20, 30, { rowStride: 2, columnStride: 50, offset: 3 })
    const { rowToColumn, v } = backend().solveSync(toProblem(view, {}, true))
    expect(certify({ costs: view }, { rowToColumn, prices: v }).violations).toEqual([])
    const swapped = rowToColumn.slice()
    ;[swapped[0], swapped[1]] = [swapped[1], swapped[0]]
    expect(certify({ costs: view }, { rowToColumn: swapped, prices: v }).violations).not.toEqual([])
  })

  it('must lie within their array and be floats', () => {
    const view = viewOf(new Float64Array(6), 2, 3, { rowStride: 3, columnStride: 1, offset: 0 })
    const refused = (changes: object, options: object = {}) => {
      return () => toProblem({ ...view, ...changes } as Matrix, options, true)
    }
    expect(refused({ offset: 20 })).toThrow(/costs\.data/)
    expect(refused({ rowStride: -1 })).toThrow(/costs\.rowStride/)
    expect(refused({ data: new Uint16Array(20), dtype: 'bf16' })).toThrow(/'f32' or 'f64' for `costs.dtype`/)
    expect(refused({}, { rows: 2 })).toThrow(/nothing with a view for `rows`/)
  })
})
