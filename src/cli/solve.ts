import type { SolveOptions } from '../assignment/problem.js'
import type { Assignment } from '../assignment/result.js'
import { solveAssignment } from '../assignment/solve.js'
import { SaeMatchError } from '../errors.js'
import { ensureWritableFile, writeFileAtomically } from '../output/atomic-file.js'
import { encodeNpz } from '../output/npz.js'
import type { SparseMatrix } from '../tensor/sparse-matrix.js'
import type { Command } from './command.js'
import { type CostFile, readCosts } from './cost-file.js'
import { applyThreads, backendOptions, verifyOption } from './match-options.js'
import { duration, significant, whole } from './numbers.js'
import { createProgress } from './progress.js'
import type { Terminal } from './terminal.js'

export const solveCommand: Command = {
  name: 'solve',
  summary: 'any linear assignment problem, from a cost matrix',
  positionals: ['COSTS'],
  options: {
    out: { value: 'FILE', help: 'write row_to_column, column_to_row (int32), u and v (f64) to this .npz' },
    array: { value: 'NAME', help: 'which array of an .npz holds the costs (default: the only matrix)' },
    maximize: { help: 'find the greatest total instead of the least' },
    'time-limit': { value: 'SECONDS', help: 'stop solving then; the certificate tells how good the result is' },
    'unmatched-cost': { value: 'COST', help: 'what a missing pair costs; no dearer pair is made (default inf)' },
    solver: {
      value: 'NAME',
      choices: ['auto', 'jv', 'shortlist', 'auction', 'greedy'],
      help: 'jv is the textbook solver, greedy is not exact (default auto)',
    },
    verify: verifyOption,
    ...backendOptions,
  },
  details: [
    'Finds the one-to-one assignment of rows to columns with the least total cost and proves it. COSTS is a two-dimensional .npy, an .npz that holds one, or what scipy.sparse.save_npz writes of a csr matrix; infinity forbids a pair, and so does leaving it out of a sparse matrix.',
  ],
  examples: [
    'sae-match solve costs.npy --out assignment.npz',
    'sae-match solve scores.npz --array similarity --maximize --json',
    'sae-match solve candidates.npz --unmatched-cost 2.5',
  ],
  run: async (args, { terminal, signal }) => {
    applyThreads(args)
    const start = performance.now()
    const out = args.text('out')
    if (out !== undefined) await ensureWritableFile(out)
    const costs = await readCosts(args.positionals[0], args.text('array'), signal)
    const load = performance.now() - start

    const { rows, columns } = costs
    const progress = createProgress(terminal, args.has('quiet'))
    progress.begin(`${whole(rows)} × ${whole(columns)}`)
    const assignment = await solveCosts(costs, {
      maximize: args.has('maximize'),
      unmatchedCost: args.number('unmatched-cost'),
      timeLimit: args.number('time-limit'),
      solver: args.text('solver') as SolveOptions['solver'],
      verify: args.text('verify') as SolveOptions['verify'],
      backend: args.text('backend') as SolveOptions['backend'],
      signal,
      onProgress: progress.update,
    })
    progress.clear()
    if (out !== undefined) await writeFileAtomically(out, encodeNpz(solutionArrays(assignment)))

    const { cost, solver, backend, source, certificate, timedOut } = assignment
    const solve = assignment.milliseconds.cost + assignment.milliseconds.solve
    const milliseconds = { load, solve, verify: assignment.milliseconds.verify }
    const report: SolveReport = {
      rows,
      columns,
      cost,
      solver,
      backend,
      source,
      certificate,
      ...(timedOut ? { timedOut } : {}),
      milliseconds,
    }
    if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
    else terminal.print(render(report, assignment, out, terminal))
  },
}

/** What `--json` prints: scripts rely on these names. */
interface SolveReport extends Pick<Assignment, 'cost' | 'solver' | 'backend' | 'source' | 'certificate'> {
  /** Only where it is true. */
  readonly timedOut?: true
  readonly rows: number
  readonly columns: number
  readonly milliseconds: { readonly load: number; readonly solve: number; readonly verify: number }
}

function solutionArrays({ rowToColumn, columnToRow, u, v }: Assignment) {
  return { row_to_column: rowToColumn, column_to_row: columnToRow, u, v }
}

/** Solves a matrix that lies by columns as its transpose, which lies by rows, and swaps rows and columns of the result. */
async function solveCosts(costs: CostFile | SparseMatrix, options: SolveOptions): Promise<Assignment> {
  if ('indptr' in costs) return solveAssignment(costs, options)
  const { data, rows, columns, byColumns } = costs
  if (!byColumns) return solveAssignment(data, { ...options, rows, columns })
  try {
    const transposed = await solveAssignment(data, { ...options, rows: columns, columns: rows })
    const { rowToColumn, columnToRow, u, v } = transposed
    return { ...transposed, rowToColumn: columnToRow, columnToRow: rowToColumn, u: v, v: u }
  } catch (cause) {
    if (!(cause instanceof SaeMatchError && (cause.code === 'COST_NAN' || cause.code === 'INFEASIBLE'))) throw cause
    const { code, message, hint } = cause
    const what = 'the matrix is stored by columns, so its columns are the rows in this message'
    throw new SaeMatchError(code, `${message} (${what})`, { hint, cause })
  }
}

function render(
  { rows, columns, cost, solver, backend, certificate, timedOut, milliseconds }: SolveReport,
  { rowToColumn }: Assignment,
  out: string | undefined,
  { colors }: Terminal,
): string {
  const { gap, optimal, roundingBound, proof: kind } = certificate
  const pairs = rowToColumn.filter((column) => column >= 0).length
  const proof = optimal
    ? `${colors.green('optimal')}, proved ${kind === 'full' ? 'over every pair' : 'from the lists of the solver'}: gap ${significant(gap, 2)} within rounding (${significant(roundingBound, 2)})`
    : timedOut
      ? colors.yellow(`stopped at the time limit: at most ${significant(gap)} from the optimum`)
      : colors.red(`not proved optimal: gap ${significant(gap)}, rounding bound ${significant(roundingBound, 2)}`)
  const { load, solve, verify } = milliseconds
  return [
    `${colors.bold(`${whole(rows)} × ${whole(columns)}`)}  ${whole(pairs)} pairs, total ${colors.bold(String(cost))}`,
    `  ${proof}`,
    colors.dim(
      `  ${solver} on ${backend}: load ${duration(load)}, solve ${duration(solve)}, verify ${duration(verify)}`,
    ),
    ...(out === undefined ? [] : [colors.dim(`  ${out}`)]),
  ].join('\n')
}
