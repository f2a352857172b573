import type { EvaluatedMatch } from '../evaluation/options.js'
import { compose } from '../matching/compose.js'
import { loadSae } from '../matching/load.js'
import { match } from '../matching/match.js'
import { shortNames } from '../output/short-names.js'
import { findInput, findStep, type RunStep } from '../runs/choose.js'
import { openInput } from '../runs/open-input.js'
import { readPartners } from '../runs/pair-arrays.js'
import type { Run } from '../runs/read-run.js'
import type { Sae } from '../sae/sae.js'
import { type Arguments, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import { readInputs } from './inputs.js'
import { readActivationScales } from './match-options.js'
import type { ProgressDisplay } from './progress.js'
import { openRun, runWarnings } from './read-runs.js'

/** A pair to evaluate, not loaded yet. */
export interface PlannedEvaluation {
  readonly a: string
  readonly b: string
  /** The names between A and B of a composed match. */
  readonly via: readonly string[]
  /** What its files are called. */
  readonly stem: string
  /** @param open SAEs that are in memory already, by what they are; what is opened goes in */
  readonly open: (open: Map<string, Promise<Sae>>) => Promise<{ a: Sae; b: Sae; match: EvaluatedMatch }>
  /** Keys of `open` that this pair needs. */
  readonly needs: readonly string[]
}

/** What is evaluated, and what a user should know about it. */
export interface EvaluationPlan {
  readonly pairs: readonly PlannedEvaluation[]
  readonly warnings: readonly string[]
}

/**
 * What the arguments of `evaluate` ask for: the pairs of a run directory, one chain of them, or two checkpoints.
 * @throws UsageError; what `readRun`, `findInput` and `findStep` throw
 */
export async function planEvaluations(
  args: Arguments,
  context: CommandContext,
  progress: ProgressDisplay,
): Promise<EvaluationPlan> {
  const { signal } = context
  const [a, b, chain] = [args.text('a'), args.text('b'), args.text('chain')]
  if (args.positionals.length === 0) {
    if (a === undefined || b === undefined) throw new UsageError('Expected RUN, or two checkpoints: --a A --b B')
    const extra = ['chain', 'options-of'].find((name) => args.has(name))
    if (extra !== undefined) throw new UsageError(`--${extra} goes with RUN`)
    const [pathA, pathB] = await readInputs([a, b], args, context)
    return { pairs: [twoCheckpoints(pathA, pathB, args, signal, progress)], warnings: [] }
  }
  const extra = ['a', 'b', 'format', 'activation-scale', 'from', 'width', 'l0', 'layers'].find((name) => args.has(name))
  if (extra !== undefined) throw new UsageError(`--${extra} does not go with RUN, which says what was matched`)
  const run = await openRun(args, context)
  if (chain !== undefined) {
    const steps = chainSteps(run, chain)
    return { pairs: [storedEvaluation(steps, signal)], warnings: runWarnings(run, steps) }
  }
  const pairs = run.pairs.map((pair) => storedEvaluation([{ pair, inverted: false }], signal))
  return { pairs, warnings: runWarnings(run, []) }
}

function twoCheckpoints(
  a: string,
  b: string,
  args: Arguments,
  signal: AbortSignal,
  progress: ProgressDisplay,
): PlannedEvaluation {
  const [nameA, nameB] = shortNames([a, b])
  const scales = readActivationScales(args)
  const backend = args.text('backend') as 'auto' | undefined
  const load = (path: string, side: 0 | 1) =>
    loadSae(path, { format: args.text('format'), activationScale: scales?.[side], backend, signal })
  return {
    a: nameA,
    b: nameB,
    via: [],
    stem: `${nameA}--${nameB}`,
    needs: [],
    async open() {
      const [saeA, saeB] = [await load(a, 0), await load(b, 1)]
      const scale = saeA.threshold !== null && saeB.threshold !== null ? 'fold' : 'unit'
      const options = { scale, baselines: 'none', backend, signal, onProgress: progress.update } as const
      return { a: saeA, b: saeB, match: await match(saeA, saeB, options) }
    },
  }
}

/** Stored matches one after the other, each from where the one before arrived. */
export function storedEvaluation(steps: readonly RunStep[], signal: AbortSignal): PlannedEvaluation {
  const [first, last] = [endsOf(steps[0])[0], endsOf(steps[steps.length - 1])[1]]
  const names = [first.name, ...steps.map((step) => endsOf(step)[1].name)]
  const [{ pair, inverted }] = steps
  return {
    a: first.name,
    b: last.name,
    via: names.slice(1, -1),
    stem: steps.length === 1 && !inverted ? pair.stem : names.join('--'),
    needs: [first.key, last.key],
    async open(open) {
      const saes: Sae[] = []
      for (const { record, scale, key } of [first, last]) {
        if (!open.has(key)) open.set(key, openInput(record, scale, signal))
        saes.push(await open.get(key)!)
      }
      let aToB = await readPartners(steps[0], signal)
      for (const step of steps.slice(1)) aToB = compose(aToB, await readPartners(step, signal))
      const { ran, options } = pair.record
      const unfoldable = options.unfoldable as 'exclude' | 'median'
      const aligned = steps.some((step) => step.pair.record.options.alignment !== undefined)
      return {
        a: saes[0],
        b: saes[1],
        match: {
          aToB,
          provenance: { scale: ran.scale, sign: options.sign, aligned, weights: options.weights, unfoldable },
        },
      }
    },
  }
}

/** Where a step begins and where it ends, and what is needed to load both. */
function endsOf({ pair, inverted }: RunStep) {
  const { a, b, record } = pair
  const ends = [
    { name: a.name, record: record.a, scale: record.options.activationScale?.[0] },
    { name: b.name, record: record.b, scale: record.options.activationScale?.[1] },
  ].map((end) => ({ ...end, key: JSON.stringify([end.record.files.map(({ path }) => path), end.scale]) }))
  return inverted ? ends.reverse() : ends
}

/** @throws UsageError; `INPUT_UNKNOWN`, `PAIR_MISSING`, `PAIR_AMBIGUOUS` */
function chainSteps(run: Run, chain: string): RunStep[] {
  const inputs = chain.split(',').map((name) => findInput(run, name.trim()))
  if (inputs.length < 2) throw new UsageError(`Expected names A,B,... of SAEs in ${run.path} for --chain, got ${chain}`)
  const steps = inputs.slice(1).map((to, step) => findStep(run, inputs[step], to))
  const scales = new Set(steps.map(({ pair }) => pair.record.ran.scale))
  if (scales.size === 1) return steps
  throw new UsageError(`The matches of the chain are of different scales: ${[...scales].join(', ')}`)
}
