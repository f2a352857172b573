import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { certify } from '../../src/assignment/certificate.js'
import { toProblem } from '../../src/assignment/problem.js'
import { describeBackends } from '../helpers/backends.js'
import { optionsOf, randomProblem } from '../helpers/problems.js'
import { needsPython, python, runPython } from '../helpers/python.js'
import { mulberry32 } from '../helpers/random.js'

/** `RANDOM_PROBLEMS=100000` for a long run. */
const count = Number(process.env.RANDOM_PROBLEMS ?? 10_000)

/** Header of f64 rows, columns, maximize, lambda, then the costs as f64; scipy solves min(c, lambda), shorter side first. */
const script = `
import sys, numpy as np
from scipy.optimize import linear_sum_assignment
data = np.fromfile(sys.argv[1]); at = 0; out = []
while at < len(data):
    n, m, maximize, lam = data[at:at + 4]; n, m = int(n), int(m); at += 4
    c = data[at:at + n * m].reshape(n, m) * (-1 if maximize else 1); at += n * m
    if n > m: c = c.T
    c = np.minimum(c, lam)
    try:
        i, j = linear_sum_assignment(c)
        total = float(np.sum(c[i, j].astype(np.longdouble)))
        out.append(-total if maximize else total)
    except ValueError:
        out.append(np.nan)
np.array(out).tofile(sys.argv[2])
`

let folder = ''
let expected: Float64Array

beforeAll(() => {
  if (python === null) return
  folder = mkdtempSync(path.join(tmpdir(), 'sae-match-scipy-'))
  const random = mulberry32(41)
  const pieces: number[] = []
  for (let p = 0; p < count; p++) {
    const { costs, rows, columns, maximize, unmatchedCost } = randomProblem(random)
    pieces.push(rows, columns, maximize ? 1 : 0, unmatchedCost)
    for (const cost of costs) pieces.push(cost)
  }
  writeFileSync(path.join(folder, 'problems'), Buffer.from(Float64Array.from(pieces).buffer))
  runPython(script, [path.join(folder, 'problems'), path.join(folder, 'totals')])
  expected = new Float64Array(new Uint8Array(readFileSync(path.join(folder, 'totals'))).buffer)
}, 1_800_000)

afterAll(() => rmSync(folder || '/nonexistent', { recursive: true, force: true }))

describeBackends('scipy', (backend) => {
  for (const solver of ['jv', 'shortlist', 'auction'] as const) {
    it.skipIf(python === null)(
      `agrees on ${count} problems with ${solver}${needsPython}`,
      { timeout: 3_600_000 },
      (context) => {
        if (!backend().solvers.includes(solver)) context.skip()
        const random = mulberry32(41)
        for (let p = 0; p < count; p++) {
          const problem = randomProblem(random)
          let solution: ReturnType<ReturnType<typeof backend>['solveSync']>
          try {
            solution = backend().solveSync(toProblem(problem.costs, { ...optionsOf(problem), solver }, true))
          } catch (error) {
            if ((error as { code?: string }).code !== 'INFEASIBLE' || !Number.isNaN(expected[p])) throw error
            continue
          }
          let largest = 0
          for (const cost of problem.costs) if (Number.isFinite(cost)) largest = Math.max(largest, Math.abs(cost))
          if (Number.isFinite(problem.unmatchedCost)) largest = Math.max(largest, problem.unmatchedCost)
          const difference = Math.abs(solution.cost - expected[p])
          if (!(difference <= 1e-13 * largest)) {
            expect.fail(`problem ${p}: ${solution.cost} against ${expected[p]}, largest entry ${largest}`)
          }
          const prices = problem.rows > problem.columns ? solution.u : solution.v
          const { violations } = certify(problem, { rowToColumn: solution.rowToColumn, prices })
          if (violations.length > 0) expect.fail(`problem ${p}: ${violations.join('; ')}`)
          if (problem.integer && solution.certificate.gap !== 0)
            expect.fail(`problem ${p}: gap ${solution.certificate.gap}`)
        }
      },
    )
  }
})
