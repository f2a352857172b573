import type { MatchOptions } from '../matching/options.js'
import { matchPairs } from '../pairs/match-pairs.js'
import type { ListedPair } from '../pairs/options.js'
import type { PairResult } from '../pairs/result.js'
import type { Arguments } from './arguments.js'
import type { Command, CommandContext } from './command.js'
import { givenNumberOptions, readGivenNumbers } from './given-numbers.js'
import { inputOptions, readInputs } from './inputs.js'
import { checkpointOptions, matchOptions } from './match-options.js'
import { renderPair } from './pair-report.js'
import { createProgress } from './progress.js'
import { defaultFolder, followPairs, pairJson, printBackend, readPairsOptions } from './run-pairs.js'

export const matchCommand: Command = {
  name: 'match',
  summary: 'match the features of two SAEs',
  positionals: ['A', 'B'],
  options: { ...matchOptions, ...givenNumberOptions, ...checkpointOptions, ...inputOptions },
  details: [
    'Finds the one-to-one matching of the features of two sparse autoencoders with the least total cost, proves that it is the least, and writes it to a run directory: pairs/A--B.<hash>.npz with one number per feature, a .json beside it, run.json and summary.csv.',
    'A and B are checkpoint files or the folders they lie in, here or on the hub (hf://owner/name/path[@revision]).',
  ],
  examples: [
    'sae-match match saes/layer_12 saes/layer_13',
    'sae-match match layer_19/params.npz layer_20/params.npz --weights decoder --baselines all',
    'sae-match match layer_19 layer_20 --from gemma-scope-2b-pt-res --width 16k',
  ],
  run: async (args, context) => {
    const [a, b] = await readInputs(args.positionals, args, context)
    const given = await readGivenNumbers(args, [a, b], context.signal)
    await matchAndReport([{ a, b }], args, context, { baselines: 'basic', ...given })
  },
}

/** Matches pairs, made already or not, and shows each: what `match` and `demo` have in common. */
export async function matchAndReport(
  pairs: readonly ListedPair[],
  args: Arguments,
  context: CommandContext,
  defaults: MatchOptions,
  folder = defaultFolder,
): Promise<void> {
  const { terminal } = context
  const options = readPairsOptions(args, context, defaults, folder)
  const json = args.has('json')
  printBackend(args, terminal, options.backend)
  const progress = createProgress(terminal, args.has('quiet'))
  const show = (pair: PairResult) => {
    progress.clear()
    if (!json) terminal.print(`${renderPair(pair, terminal.colors, terminal.width)}\n`)
    else if (!args.has('quiet')) for (const warning of pair.record.warnings) terminal.note(`! ${warning}`)
  }
  try {
    // one by one, so that reports come in the order of the pairs
    const again = { resume: false, stopAtFailure: true, inFlight: 1 }
    const followed = { onProgress: followPairs(progress), onPair: show }
    const run = await matchPairs([], { ...options, ...again, ...followed, pairs })
    const { backend, out } = run
    if (json) terminal.print(JSON.stringify({ backend, out, pairs: run.pairs.map(pairJson) }, null, 2))
    else terminal.print(`Run directory: ${terminal.colors.bold(out)}`)
  } finally {
    progress.clear()
  }
}
