import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackendName, SolverName } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import type { CellReport, CellRequest } from './cell.js'
import { runChild } from './child.js'
import { type Spread, spread } from './spread.js'

/** What is measured, and how. Names are those that exist; numbers are whole and at least 1, the seed at least 0. */
export interface BenchmarkOptions {
  readonly families: readonly string[]
  /** Rows, and as many columns. */
  readonly sizes: readonly number[]
  readonly solvers: readonly SolverName[]
  readonly backends: readonly BackendName[]
  /** What ratios are formed with, e.g. `native/shortlist`. */
  readonly against: string
  readonly repetitions: number
  /** Seconds that a cell may take, making the problem and checking the answer included. */
  readonly timeout: number
  readonly seed: number
  /** Of the space that planted features live in. */
  readonly dimension: number
}

/** A solver of a backend. */
export interface Contender {
  /** `backend/solver` */
  readonly contender: string
  readonly backend: BackendName
  readonly solver: SolverName
}

/** Where in the table a result stands. */
interface Place extends Contender {
  readonly family: string
  readonly size: number
}

/** A cell that was measured and whose answer the independent checker has nothing against. */
export interface MeasuredCell extends Place, Spread, Omit<CellReport, 'wrong'> {
  /** Median over that of {@link BenchmarkOptions.against}; null where that has no figure. */
  readonly ratio: number | null
  /** Whether the gap is within rounding, which only `greedy` need not achieve. */
  readonly optimal: boolean
  readonly failure: null
}

/** A cell without figures. */
export interface FailedCell extends Place {
  readonly failure: {
    /** It took too long; its process ended without an answer; its answer is wrong. */
    readonly kind: 'timeout' | 'ended' | 'refuted'
    readonly message: string
  }
}

export type BenchmarkCell = MeasuredCell | FailedCell

/** The solvers of some backends, each once. @throws the reason a backend cannot be used */
export async function solversOf(backends: readonly BackendName[]): Promise<SolverName[]> {
  const found = await Promise.all(backends.map(async (name) => (await getBackend(name)).solvers))
  return [...new Set(found.flat())]
}

/**
 * Every solver of every backend that was asked for; not every backend has every solver.
 * @throws the reason a backend cannot be used
 */
export async function contendersOf({
  backends,
  solvers,
}: Pick<BenchmarkOptions, 'backends' | 'solvers'>): Promise<Contender[]> {
  const found: Contender[] = []
  for (const backend of backends) {
    const { solvers: its } = await getBackend(backend)
    for (const solver of solvers.filter((name) => its.includes(name))) {
      found.push({ backend, solver, contender: `${backend}/${solver}` })
    }
  }
  return found
}

/**
 * Measures every contender on every problem, one child process of Node after the other, so that whatever befalls a cell
 * befalls it alone.
 *
 * @param begin is told what is measured next, and how far the run is
 * @throws the reason of `signal`, or that a backend cannot be used
 */
export async function runBenchmark(
  options: BenchmarkOptions,
  begin: (title: string, done: number, total: number) => void,
  signal: AbortSignal,
): Promise<BenchmarkCell[]> {
  const contenders = await contendersOf(options)
  const total = options.families.length * options.sizes.length * contenders.length
  const cells: BenchmarkCell[] = []
  for (const family of options.families) {
    for (const size of options.sizes) {
      const problem: BenchmarkCell[] = []
      for (const contender of contenders) {
        begin(`${family} ${size}  ${contender.contender}`, cells.length + problem.length, total)
        problem.push(await measure({ family, size, ...contender }, options, signal))
      }
      cells.push(...withRatios(problem, options.against))
    }
  }
  return cells
}

/** The child's file lies beside this one, compiled or as it was written. */
const cellProcess = fileURLToPath(new URL(`./cell-process${extname(import.meta.url)}`, import.meta.url))

async function measure(place: Place, options: BenchmarkOptions, signal: AbortSignal): Promise<BenchmarkCell> {
  const { family, size, backend, solver } = place
  const { seed, dimension, repetitions, timeout } = options
  const request: CellRequest = { family, size, seed, dimension, backend, solver, repetitions }
  const args = [...process.execArgv, cellProcess, JSON.stringify(request)]
  const ending = await runChild(process.execPath, args, timeout, signal)
  if ('failure' in ending) {
    return { ...place, failure: { kind: ending.timedOut ? 'timeout' : 'ended', message: ending.failure } }
  }
  const { wrong, ...report } = ending.report as CellReport
  if (wrong !== null) return { ...place, failure: { kind: 'refuted', message: wrong } }
  const optimal = Math.abs(report.gap) <= report.roundingBound
  return { ...place, ...spread(report.milliseconds), ratio: null, ...report, optimal, failure: null }
}

function withRatios(cells: readonly BenchmarkCell[], against: string): BenchmarkCell[] {
  const base = cells.find((cell) => cell.contender === against && cell.failure === null) as MeasuredCell | undefined
  if (base === undefined) return [...cells]
  return cells.map((cell) => (cell.failure === null ? { ...cell, ratio: cell.median / base.median } : cell))
}
