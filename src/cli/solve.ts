import { dirname } from 'node:path'
import type { SolveOptions } from '../assignment/problem.js'
import type { Assignment } from '../assignment/result.js'
import { solveAssignment } from '../assignment/solve.js'
import { SaeMatchError } from '../errors.js'
import { readNpy } from '../formats/npy.js'
import { openNpz } from '../formats/npz.js'
import { ensureWritableDirectory, writeFileAtomically } from '../output/atomic-file.js'
import { encodeNpz } from '../output/npz.js'
import { elementReader, type Tensor } from '../tensor/tensor.js'
import type { Command } from './command.js'
import { applyThreads, backendOptions } from './match-options.js'
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
    'unmatched-cost': { value: 'COST', help: 'what a missing pair costs; no dearer pair is made (default inf)' },
    solver: {
      value: 'NAME',
      choices: ['auto', 'jv', 'shortlist', 'greedy'],
      help: 'jv is the textbook solver, greedy is not exact (default auto)',
    },
    ...backendOptions,
  },
  details: [
    'Finds the one-to-one assignment of rows to columns with the least total cost and proves it. COSTS is a two-dimensional .npy, or an .npz that holds one; infinity forbids a pair.',
  ],
  examples: [
    'sae-match solve costs.npy --out assignment.npz',
    'sae-match solve scores.npz --array similarity --maximize --json',
  ],
  run: async (args, { terminal, signal }) => {
    applyThreads(args)
    const start = performance.now()
    const out = args.text('out')
    if (out !== undefined) await ensureWritableDirectory(dirname(out))
    const { data, rows, columns } = await readCosts(args.positionals[0], args.text('array'))
    const load = performance.now() - start

    const progress = createProgress(terminal, args.has('quiet'))
    progress.begin(`${whole(rows)} × ${whole(columns)}`)
    const assignment = await solveAssignment(data, {
      rows,
      columns,
      maximize: args.has('maximize'),
      unmatchedCost: args.number('unmatched-cost'),
      solver: args.text('solver') as SolveOptions['solver'],
      backend: args.text('backend') as SolveOptions['backend'],
      signal,
      onProgress: progress.update,
    })
    progress.clear()
    if (out !== undefined) await writeFileAtomically(out, encodeNpz(solutionArrays(assignment)))

    const { cost, solver, backend, source, certificate } = assignment
    const solve = assignment.milliseconds.cost + assignment.milliseconds.solve
    const milliseconds = { load, solve, verify: assignment.milliseconds.verify }
    const report: SolveReport = { rows, columns, cost, solver, backend, source, certificate, milliseconds }
    if (args.has('json')) terminal.print(JSON.stringify(report, null, 2))
    else terminal.print(render(report, assignment, out, terminal))
  },
}

/** What `--json` prints: scripts rely on these names. */
interface SolveReport extends Pick<Assignment, 'cost' | 'solver' | 'backend' | 'source' | 'certificate'> {
  readonly rows: number
  readonly columns: number
  readonly milliseconds: { readonly load: number; readonly solve: number; readonly verify: number }
}

function solutionArrays({ rowToColumn, columnToRow, u, v }: Assignment) {
  return { row_to_column: rowToColumn, column_to_row: columnToRow, u, v }
}

/** A cost matrix, row-major. */
interface Costs {
  readonly data: Float32Array | Float64Array
  readonly rows: number
  readonly columns: number
}

/** @throws `TENSOR_SHAPE` for anything but a matrix, `TENSOR_MISSING`, and what reading throws */
async function readCosts(path: string, array: string | undefined): Promise<Costs> {
  if (!/\.npz$/i.test(path)) return matrixCosts(path, await readNpy(path))
  const npz = await openNpz(path)
  try {
    const matrices = [...npz.tensors].filter(([, { shape }]) => shape.length === 2).map(([name]) => name)
    const name = array ?? matrices[0]
    if (array === undefined && matrices.length !== 1) {
      const found = matrices.length === 0 ? 'none' : matrices.join(', ')
      throw new SaeMatchError('TENSOR_MISSING', `${path}: expected one matrix, found ${found}`, {
        hint: 'Name the array with --array.',
      })
    }
    return matrixCosts(`${path}: ${name}`, await npz.read(name))
  } finally {
    await npz.close()
  }
}

/** f32 and f64 in rows are taken as they are, anything else is widened to f64 and brought in order. */
function matrixCosts(name: string, { data, dtype, shape, strides }: Tensor): Costs {
  if (shape.length !== 2) {
    throw new SaeMatchError('TENSOR_SHAPE', `${name}: expected a matrix, found an array of shape (${shape.join(', ')})`)
  }
  const [rows, columns] = shape
  const inOrder = strides[1] === 1 && strides[0] === columns
  if (inOrder && (data instanceof Float32Array || data instanceof Float64Array)) return { data, rows, columns }
  const valueAt = elementReader(data, dtype)
  const wide = new Float64Array(new SharedArrayBuffer(rows * columns * Float64Array.BYTES_PER_ELEMENT))
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) wide[at++] = valueAt(i * strides[0] + j * strides[1])
  }
  return { data: wide, rows, columns }
}

function render(
  { rows, columns, cost, solver, backend, certificate, milliseconds }: SolveReport,
  { rowToColumn }: Assignment,
  out: string | undefined,
  { colors }: Terminal,
): string {
  const { gap, optimal, roundingBound } = certificate
  const pairs = rowToColumn.filter((column) => column >= 0).length
  const proof = optimal
    ? `${colors.green('optimal')}, proved over every pair: gap ${significant(gap, 2)} within rounding (${significant(roundingBound, 2)})`
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
