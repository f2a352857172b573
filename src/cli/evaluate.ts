import { join } from 'node:path'
import { backendInfo } from '../backend/info.js'
import { type EvaluateOptions, type Evaluation, evaluate } from '../evaluation/evaluate.js'
import { lossesOfPairs, readLosses } from '../evaluation/losses.js'
import type { ActivationsOfBoth } from '../evaluation/token-pass.js'
import { createStatesWriter } from '../evaluation/write-states.js'
import { checkWritableDirectory, ensureWritableFile, writeFileAtomically } from '../output/atomic-file.js'
import { encodeNpz } from '../output/npz.js'
import { schemaVersion } from '../output/pair-files.js'
import type { Sae } from '../sae/sae.js'
import { type Arguments, UsageError } from './arguments.js'
import type { Command } from './command.js'
import { type PlannedEvaluation, planEvaluations } from './evaluation-plan.js'
import { type EvaluatedPair, evaluationCsv, renderEvaluation } from './evaluation-report.js'
import { inputOptions } from './inputs.js'
import { applyThreads, backendOptions, checkpointOptions } from './match-options.js'
import { createProgress } from './progress.js'
import { readRunOptions } from './read-runs.js'

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: 'explained variance and matching score on dumped activations',
  positionals: ['[RUN]'],
  options: {
    activations: { value: 'DIR', help: 'layer_L.npy, .npz or .safetensors of every layer, the same tokens in each' },
    'activations-a': { value: 'FILE', help: 'in the place of --activations: those of A' },
    'activations-b': { value: 'FILE', help: 'those of B' },
    a: { value: 'A', help: 'without RUN: the first checkpoint, to be matched with default options' },
    b: { value: 'B', help: 'the second one' },
    ...checkpointOptions,
    ...inputOptions,
    ...readRunOptions,
    chain: { value: 'A,B,...', help: 'compose the matches of RUN between these SAEs and evaluate first to last' },
    scale: {
      value: 'NAME',
      choices: ['raw', 'folded'],
      help: 'decode activations as they are, or times threshold_B / threshold_A (default: as the match was made)',
    },
    unmatched: {
      value: 'HOW',
      choices: ['drop', 'source'],
      help: 'features without a partner contribute nothing, or keep the decoder of A (default drop)',
    },
    quantiles: { value: 'LIST', help: 'also send only this share of the pairs, the closest, through B: 0.1,0.5,1' },
    losses: { value: 'FILE', help: 'losses measured in the model, for the table (docs/figures.md)' },
    mask: { value: 'FILE', help: '.npy [tokens] of bool or integers: 0 leaves a token out' },
    write: { value: 'DIR', help: 'write the approximated hidden states (f32) and the counts of every feature' },
    csv: { value: 'FILE', help: 'write the table as csv' },
    ...backendOptions,
  },
  details: [
    'Encodes the hidden states of A, moves every activation to its partner, decodes with B, and compares with the hidden states of B; the same for identity, random and nearest partners, for each SAE on its own layer, and for leaving the layer out. The matching score says how often matched features are active together.',
    'RUN is a run directory of sae-match match or pairs: all its pairs are evaluated, with the checkpoints it names, which must not have changed.',
    '--write makes NAME.xhat.npy [tokens, d], NAME.tokens.npy (the row of the activations each stands for) and NAME.counts.npz (a_to_b, together, active_a, active_b) for each pair.',
  ],
  examples: [
    'sae-match evaluate sae-match-run --activations activations --quantiles 0.1,0.5,0.7,1',
    'sae-match evaluate --a saes/layer_12 --b saes/layer_13 --activations activations --write states',
    'sae-match evaluate sae-match-run --activations activations --chain layer_12,layer_13,layer_14',
  ],
  run: async (args, context) => {
    applyThreads(args)
    const { terminal } = context
    const info = backendInfo(args.text('backend') as EvaluateOptions['backend'])
    const activations = readActivations(args)
    const quantiles = readQuantiles(args)
    const [folder, csv] = [args.text('write'), args.text('csv')]
    if (folder !== undefined) await checkWritableDirectory(folder)
    if (csv !== undefined) await ensureWritableFile(csv)
    const progress = createProgress(terminal, args.has('quiet'))
    const { pairs: plans, warnings } = await planEvaluations(args, context, progress)
    if (!args.has('quiet')) for (const warning of warnings) terminal.note(terminal.noteColors.yellow(`! ${warning}`))

    const json = args.has('json')
    const file = args.text('losses')
    const losses = lossesOfPairs(file === undefined ? [] : await readLosses(file), plans)
    const options: EvaluateOptions = {
      scale: args.text('scale') as EvaluateOptions['scale'],
      unmatched: args.text('unmatched') as EvaluateOptions['unmatched'],
      mask: args.text('mask'),
      quantiles,
      backend: args.text('backend') as EvaluateOptions['backend'],
      signal: context.signal,
      onProgress: progress.update,
    }
    const pairs: EvaluatedPair[] = []
    const open = new Map<string, Promise<Sae>>()
    for (const [index, plan] of plans.entries()) {
      progress.begin([plan.a, ...plan.via, plan.b].join(' → '))
      const evaluated = await evaluatePlan(plan, open, activations, options, folder)
      const pair = { ...evaluated, losses: losses[index] }
      pairs.push(pair)
      progress.clear()
      if (!json) terminal.print(`${renderEvaluation(pair, terminal.colors, terminal.width)}\n`)
      const later = new Set(plans.slice(index + 1).flatMap(({ needs }) => needs))
      for (const key of open.keys()) if (!later.has(key)) open.delete(key)
    }
    if (csv !== undefined) await writeFileAtomically(csv, evaluationCsv(pairs))
    if (json) terminal.print(JSON.stringify({ backend: info.active, pairs: pairs.map(pairJson) }, null, 2))
  },
}

async function evaluatePlan(
  plan: PlannedEvaluation,
  open: Map<string, Promise<Sae>>,
  activations: ActivationsOfBoth,
  options: EvaluateOptions,
  folder: string | undefined,
): Promise<Omit<EvaluatedPair, 'losses'>> {
  const { a, b, match } = await plan.open(open)
  const path = folder === undefined ? undefined : join(folder, plan.stem)
  const writer = path === undefined ? undefined : await createStatesWriter(path, b.encoder.columns)
  const files: string[] = []
  let evaluation: Evaluation
  try {
    evaluation = await evaluate(a, b, match, activations, { ...options, onApproximation: writer?.write })
    if (writer !== undefined && path !== undefined) {
      await writer.commit()
      await writeFileAtomically(`${path}.counts.npz`, encodeNpz(countArrays(match.aToB, evaluation)))
      files.push(...['xhat.npy', 'tokens.npy', 'counts.npz'].map((ending) => `${path}.${ending}`))
    }
  } finally {
    await writer?.discard()
  }
  const matched = match.aToB.filter((j) => j >= 0).length
  const { stem, via } = plan
  return { a: plan.a, b: plan.b, via, stem, layerA: a.layer, layerB: b.layer, matched, evaluation, files }
}

function countArrays(aToB: Int32Array, { counts }: Evaluation) {
  return {
    schema_version: { data: Int32Array.of(schemaVersion), shape: [] },
    a_to_b: aToB,
    together: counts.together,
    active_a: counts.activeA,
    active_b: counts.activeB,
  }
}

/** A pair of `--json`: scripts rely on these names. */
function pairJson({ a, b, via, stem, layerA, layerB, matched: pairs, evaluation, losses, files }: EvaluatedPair) {
  const { matched, counts: _, tokens, maskedTokens, ...rest } = evaluation
  return {
    a,
    b,
    via,
    pair: stem,
    layerA,
    layerB,
    matched: pairs,
    tokens,
    maskedTokens,
    ...matched,
    ...rest,
    deltaLoss: losses && Object.fromEntries(losses),
    files,
  }
}

/** @throws UsageError */
export function readActivations(args: Arguments): ActivationsOfBoth {
  const [folder, a, b] = [args.text('activations'), args.text('activations-a'), args.text('activations-b')]
  if (folder !== undefined && a === undefined && b === undefined) return folder
  if (folder === undefined && a !== undefined && b !== undefined) return { a, b }
  throw new UsageError('Expected --activations DIR, or --activations-a FILE with --activations-b FILE')
}

/** @throws UsageError */
export function readQuantiles(args: Arguments): number[] | undefined {
  const text = args.text('quantiles')
  if (text === undefined) return undefined
  const quantiles = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (quantiles.every((quantile) => quantile >= 0 && quantile <= 1)) return quantiles
  throw new UsageError(`Expected numbers from 0 to 1 for --quantiles, got ${text}`)
}
