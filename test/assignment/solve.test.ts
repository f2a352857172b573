import { describe, expect, it } from 'vitest'
import { solveAssignment, solveAssignmentSync } from '../../src/assignment/solve.js'
import type { Rows } from '../../src/sae/rows.js'
import { rowMajor } from '../../src/tensor/matrix.js'
import { availableBackends } from '../helpers/available-backends.js'

const square = Float64Array.of(4, 1, 3, 2, 0, 5, 3, 2, 2)

describe('solveAssignment', () => {
  it.each(availableBackends)('solves and names the %s backend', async (backend) => {
    const assignment = await solveAssignment(square, { backend })
    expect(Array.from(assignment.rowToColumn)).toEqual([1, 0, 2])
    expect(assignment).toMatchObject({ cost: 5, backend, certificate: { optimal: true, gap: 0 } })
    expect(solveAssignmentSync(square, { backend }).rowToColumn).toEqual(assignment.rowToColumn)
  })

  it.each(availableBackends)('solves feature rows at once on the %s backend', async (backend) => {
    const features = (...values: number[]): Rows => ({
      blocks: [{ name: 'features', matrix: rowMajor(Float64Array.from(values), 'f64', values.length, 1), scale: null }],
      count: values.length,
      width: 1,
      index: null,
    })
    const rows = { a: features(1, 5, 9), b: features(8, 2) }
    const assignment = solveAssignmentSync(rows, { backend })
    expect(assignment).toMatchObject({ cost: 2, backend, certificate: { optimal: true, gap: 0 } })
    expect([...assignment.rowToColumn]).toEqual([1, -1, 0])
    expect(assignment.rowToColumn).toEqual((await solveAssignment(rows, { backend })).rowToColumn)
    expect(() => solveAssignmentSync(rows, { backend, rows: 3 })).toThrow(/nothing with feature rows/)
  })

  it.each([
    [{ rows: 2, columns: 2 }, 'INVALID_ARGUMENT', /4 elements \(2 x 2\)/],
    [{ maximise: true }, 'UNKNOWN_OPTION', /Did you mean `maximize`/],
    [{ solver: 'simplex' }, 'INVALID_ARGUMENT', /'shortlist'/],
    [{ unmatchedCost: Number.NaN }, 'INVALID_ARGUMENT', /unmatchedCost/],
    [{ unmatchedCost: -Infinity }, 'INVALID_ARGUMENT', /unmatchedCost/],
    [{ solver: 'auction', backend: 'typescript' }, 'SOLVER_UNAVAILABLE', /auction/],
    [{ rows: 1.5 }, 'INVALID_ARGUMENT', /rows/],
    [{ prices: { v: new Float64Array(2) } }, 'INVALID_ARGUMENT', /3 elements for .prices.v/],
    [{ prices: { v: Float64Array.of(1, NaN, 2) } }, 'INVALID_ARGUMENT', /finite number for .prices.v/],
    [{ prices: { v: [1, 2, 3] } }, 'INVALID_ARGUMENT', /Float64Array/],
    [{ prices: { v: new Float64Array(3) }, solver: 'jv' }, 'INVALID_ARGUMENT', /shortlist/],
  ])('refuses %o', async (options, code, message) => {
    await expect(solveAssignment(square, options as object)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('refuses what is not a matrix', async () => {
    await expect(solveAssignment([1, 2] as never)).rejects.toThrow(/Expected a Float32Array/)
    expect(() => solveAssignmentSync({ a: null, b: null } as never)).toThrow(TypeError)
  })

  it('rejects with the reason of an aborted signal', async () => {
    const reason = new Error('no longer needed')
    await expect(solveAssignment(square, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
