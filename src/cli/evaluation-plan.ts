import type { EvaluatedMatch } from '../evaluation/options.js'
import { openInput, readMatch, readRun, type StoredMatch } from '../evaluation/read-run.js'
import { compose } from '../matching/compose.js'
import { loadSae } from '../matching/load.js'
import { match } from '../matching/match.js'
import { shortNames } from '../output/short-names.js'
import type { Sae } from '../sae/sae.js'
import { type Arguments, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import { readInputs } from './inputs.js'
import { readActivationScales } from './match-options.js'
import type { ProgressDisplay } from './progress.js'

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

/**
 * What the arguments of `evaluate` ask for: the pairs of a run directory, one chain of them, or two checkpoints.
 * @throws UsageError; `RUN_INVALID`
 */
export async function planEvaluations(
  args: Arguments,
  context: CommandContext,
  progress: ProgressDisplay,
): Promise<PlannedEvaluation[]> {
  const { signal } = context
  const [run] = args.positionals
  const [a, b, chain] = [args.text('a'), args.text('b'), args.text('chain')]
  if (run === undefined) {
    if (a === undefined || b === undefined) throw new UsageError('Expected RUN, or two checkpoints: --a A --b B')
    if (chain !== undefined) throw new UsageError('--chain goes with RUN')
    const [pathA, pathB] = await readInputs([a, b], args, context)
    return [twoCheckpoints(pathA, pathB, args, signal, progress)]
  }
  const extra = ['a', 'b', 'format', 'activation-scale', 'from', 'width', 'l0', 'layers'].find((name) => args.has(name))
  if (extra !== undefined) throw new UsageError(`--${extra} does not go with RUN, which says what was matched`)
  const matches = await readRun(run)
  return chain === undefined
    ? matches.map((stored) => storedEvaluation([stored], stored.stem, signal))
    : [chainEvaluation(run, matches, chain, signal)]
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
function storedEvaluation(steps: readonly StoredMatch[], stem: string, signal: AbortSignal): PlannedEvaluation {
  const first = steps[0].record
  const last = steps[steps.length - 1].record
  const sides = [
    { input: first.a, scale: first.options.activationScale?.[0] },
    { input: last.b, scale: last.options.activationScale?.[1] },
  ].map((side) => ({ ...side, key: JSON.stringify([side.input.files.map(({ path }) => path), side.scale]) }))
  return {
    a: first.a.name,
    b: last.b.name,
    via: steps.slice(1).map(({ record }) => record.a.name),
    stem,
    needs: sides.map(({ key }) => key),
    async open(open) {
      const saes: Sae[] = []
      for (const { input, scale, key } of sides) {
        if (!open.has(key)) open.set(key, openInput(input, scale, signal))
        saes.push(await open.get(key)!)
      }
      const [{ aToB, provenance }, ...others] = await Promise.all(steps.map((step) => readMatch(step, signal)))
      const composed = others.reduce((soFar, step) => compose(soFar, step.aToB), aToB)
      return { a: saes[0], b: saes[1], match: { aToB: composed, provenance } }
    },
  }
}

function chainEvaluation(
  run: string,
  matches: readonly StoredMatch[],
  chain: string,
  signal: AbortSignal,
): PlannedEvaluation {
  const names = chain.split(',').map((name) => name.trim())
  if (names.length < 2) throw new UsageError(`Expected names A,B,... of SAEs in ${run} for --chain, got ${chain}`)
  const steps = names.slice(1).map((to, step) => {
    const found = matches.filter(({ record }) => record.a.name === names[step] && record.b.name === to)
    if (found.length === 1) return found[0]
    const known = [...new Set(matches.map(({ record }) => `${record.a.name} → ${record.b.name}`))].join(', ')
    const count = found.length === 0 ? 'no match' : `${found.length} matches`
    throw new UsageError(`${run} has ${count} of ${names[step]} with ${to}, expected one. It has: ${known}`)
  })
  const scales = new Set(steps.map(({ record }) => record.ran.scale))
  if (scales.size > 1)
    throw new UsageError(`The matches of the chain are of different scales: ${[...scales].join(', ')}`)
  return storedEvaluation(steps, names.join('--'), signal)
}
