import { backendInfo } from '../backend/info.js'
import type { MatchOptions } from '../matching/options.js'
import type { Arguments } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import {
  applyThreads,
  checkpointOptions,
  matchOptions,
  readActivationScales,
  readMatchOptions,
} from './match-options.js'
import { renderPair } from './pair-report.js'
import { createProgress } from './progress.js'
import { type PairOutcome, type PairPlan, runPairs } from './run-pairs.js'

export const matchCommand: Command = {
  name: 'match',
  summary: 'match the features of two SAEs',
  positionals: ['A', 'B'],
  options: { ...matchOptions, ...checkpointOptions },
  details: [
    'Finds the one-to-one matching of the features of two sparse autoencoders with the least total cost, proves that it is the least, and writes it to a run directory: pairs/A--B.<hash>.npz with one number per feature, a .json beside it, run.json and summary.csv.',
    'A and B are checkpoint files or the folders they lie in.',
  ],
  examples: [
    'sae-match match saes/layer_12 saes/layer_13',
    'sae-match match layer_19/params.npz layer_20/params.npz --weights decoder --baselines all',
  ],
  run: async (args, context) => {
    const [a, b] = args.positionals
    await matchAndReport([{ a, b }], args, context, { baselines: 'basic' })
  },
}

/** Matches pairs and shows each: what `match` and `demo` have in common. */
export async function matchAndReport(
  pairs: readonly PairPlan[],
  args: Arguments,
  context: CommandContext,
  defaults: MatchOptions,
): Promise<void> {
  const { terminal } = context
  applyThreads(args)
  const options = readMatchOptions(args, defaults)
  const said = { format: args.text('format'), activationScales: readActivationScales(args) }
  const out = args.text('out') ?? 'sae-match-run'
  const info = backendInfo(options.backend)
  const json = args.has('json')
  if (!json) terminal.print(`${backendLine(info)}\n`)
  const progress = createProgress(terminal, args.has('quiet'))
  const show = (outcome: PairOutcome) => {
    if (!json) terminal.print(`${renderPair(outcome, terminal.colors, terminal.width)}\n`)
    else if (!args.has('quiet')) for (const warning of outcome.match.warnings) terminal.note(`! ${warning}`)
  }
  const plan = { pairs, out, ...said, options, info }
  const outcomes = await runPairs(plan, context, progress, show)
  if (json) terminal.print(JSON.stringify({ backend: info.active, out, pairs: outcomes.map(pairJson) }, null, 2))
  else terminal.print(`Run directory: ${terminal.colors.bold(out)}`)
}

/** `sae-match 0.1.0  native backend (avx2, 2 threads)` */
function backendLine({ version, active, simd, threads, reasons }: ReturnType<typeof backendInfo>): string {
  const engine = [...(simd === null ? [] : [simd]), `${threads} ${threads === 1 ? 'thread' : 'threads'}`].join(', ')
  const native = reasons.find(({ backend }) => backend === 'native')
  const why = active === 'typescript' && native !== undefined ? `\nnative: ${native.message} (${native.code})` : ''
  return `sae-match ${version}  ${active} backend (${engine})${why}`
}

/** A pair of `--json`: scripts rely on these names. */
function pairJson({ a, b, match, milliseconds, file }: PairOutcome) {
  const { n, m, matched, cost, certificate, summary, provenance } = match
  return {
    a: a.name,
    b: b.name,
    layerA: a.layer,
    layerB: b.layer,
    n,
    m,
    matched,
    cost,
    solver: provenance.solver,
    backend: provenance.backend,
    certificate,
    file,
    warnings: match.warnings,
    milliseconds,
    // what was not computed is there and null
    summary: {
      ...summary,
      random: summary.random ?? null,
      nearest: summary.nearest ?? null,
      mutualShare: summary.mutualShare ?? null,
    },
  }
}
