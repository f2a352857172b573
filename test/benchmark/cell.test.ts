import { describe, expect, it } from 'vitest'
import { solveAssignmentSync } from '../../src/assignment/solve.js'
import type { SolverName } from '../../src/backend/backend.js'
import { check, measureCell } from '../../src/benchmark/cell.js'
import { availableBackends } from '../helpers/available-backends.js'

// Greedy takes the 1 and must pay 9 for it: 10 instead of 4.
const data = Float64Array.of(1, 2, 2, 9)
const costs = { kind: 'matrix', data, rows: 2, columns: 2, rowStride: 2 } as const
const solved = (solver: SolverName) => solveAssignmentSync(data, { solver, backend: 'typescript' })

describe('check', () => {
  it('lets a proved answer pass', () => {
    expect(check(costs, solved('jv'))).toMatchObject({ cost: 4, gap: 0, wrong: null })
  })

  it('forgives a gap to the solver that is not exact, and tells it', () => {
    const greedy = solved('greedy')
    const found = check(costs, greedy)
    expect(found).toMatchObject({ cost: 10, wrong: null })
    expect(found.gap).toBeGreaterThanOrEqual(6)
    expect(check(costs, { ...greedy, solver: 'jv' }).wrong).toMatch(/gap/)
  })

  it('refuses what is no assignment, from every solver', () => {
    for (const solver of ['jv', 'greedy'] as const) {
      const twice = { ...solved(solver), rowToColumn: Int32Array.of(0, 0) }
      expect(check(costs, twice).wrong).toMatch(/two partners/)
    }
  })

  it('refuses an answer whose own certificate flatters it', () => {
    const found = solved('jv')
    const flattered = { ...found, certificate: { ...found.certificate, primal: 3 } }
    expect(check(costs, flattered).wrong).toMatch(/its own certificate is off by 1/)
  })
})

it.each(availableBackends)('measures a cell on the %s backend as often as it is told to', async (backend) => {
  const request = { family: 'planted-40', size: 30, seed: 1, dimension: 8, backend, repetitions: 3 }
  const exact = await measureCell({ ...request, solver: 'shortlist' })
  expect(exact.milliseconds).toHaveLength(3)
  expect(exact.milliseconds.every((time) => time > 0)).toBe(true)
  expect(exact.wrong).toBeNull()
  expect(Math.abs(exact.gap)).toBeLessThanOrEqual(exact.roundingBound)
  expect(exact.peakBytes).toBeGreaterThan(1e6)
  const other = await measureCell({ ...request, solver: 'jv' })
  expect(Math.abs(other.cost - exact.cost)).toBeLessThanOrEqual(exact.roundingBound + other.roundingBound)
})
