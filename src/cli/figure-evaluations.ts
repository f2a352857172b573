import type { BackendRequest } from '../backend/environment.js'
import { evaluate } from '../evaluation/evaluate.js'
import { lossesOfPairs, readLosses } from '../evaluation/losses.js'
import type { EvaluatedFigurePair } from '../figures/from-evaluations.js'
import { objectiveName } from '../figures/objective-name.js'
import type { RunPair } from '../runs/read-run.js'
import type { Sae } from '../sae/sae.js'
import { type Arguments, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import { readActivations, readQuantiles } from './evaluate.js'
import { storedEvaluation } from './evaluation-plan.js'
import type { ProgressDisplay } from './progress.js'

/** Evaluates pairs of runs on activations, one after the other. @throws UsageError */
export async function evaluateAll(
  name: string,
  pairs: readonly RunPair[],
  args: Arguments,
  { signal }: CommandContext,
  progress: ProgressDisplay,
): Promise<EvaluatedFigurePair[]> {
  const folder = args.text('activations')
  if (folder === undefined) throw new UsageError(`Expected --activations DIR for the figure ${name}`)
  const activations = readActivations(args)
  const quantiles = name === 'quantiles' ? (readQuantiles(args) ?? [0, 0.1, 0.25, 0.5, 0.7, 0.9, 1]) : []
  const plans = pairs.map((pair) => storedEvaluation([{ pair, inverted: false }], signal))
  const path = args.text('losses')
  const losses = lossesOfPairs(path === undefined ? [] : await readLosses(path), plans)
  const open = new Map<string, Promise<Sae>>()
  const evaluated: EvaluatedFigurePair[] = []
  for (const [p, pair] of pairs.entries()) {
    const { a, b, record } = pair
    progress.begin(`${a.name} → ${b.name}`)
    const { a: saeA, b: saeB, match } = await plans[p].open(open)
    const evaluation = await evaluate(saeA, saeB, match, activations, {
      backend: args.text('backend') as BackendRequest | undefined,
      mask: args.text('mask'),
      quantiles,
      signal,
      onProgress: progress.update,
    })
    const objective = objectiveName(record.options)
    const [layerA, layerB] = [a.layer, b.layer]
    evaluated.push({ a: a.name, b: b.name, layerA, layerB, objective, evaluation, losses: losses[p] })
    const later = new Set(plans.slice(p + 1).flatMap(({ needs }) => needs))
    for (const key of open.keys()) if (!later.has(key)) open.delete(key)
  }
  return evaluated
}
