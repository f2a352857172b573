import { backendNames } from '../backend/environment.js'
import type { MatchOptions } from '../matching/options.js'
import { type Weights, weightPresets } from '../sae/rows.js'
import { type Arguments, type OptionSpec, type OptionSpecs, UsageError } from './arguments.js'

/** Options of every command that uses a backend. */
export const backendOptions: OptionSpecs = {
  backend: { value: 'NAME', choices: ['auto', ...backendNames], help: 'what computes (default auto)' },
  threads: { value: 'N', help: 'threads of the backend (default: the cores this process may use)' },
}

/** How sure a command that solves has to be. */
export const verifyOption: OptionSpec = {
  value: 'HOW',
  choices: ['full', 'shortlist'],
  help: 'prove over every pair, or from the lists of the solver (default full)',
}

/** Options of every command that matches SAEs. */
export const matchOptions: OptionSpecs = {
  out: { value: 'DIR', help: 'the run directory (default sae-match-run)' },
  ...backendOptions,
  solver: {
    value: 'NAME',
    choices: ['auto', 'jv', 'shortlist', 'auction', 'greedy'],
    help: 'jv is the textbook solver, greedy is not exact (default auto)',
  },
  source: {
    value: 'NAME',
    choices: ['auto', 'dense', 'implicit'],
    help: 'form the cost matrix, or never (default auto: as --memory-budget allows)',
  },
  'memory-budget': { value: 'SIZE', help: 'what costs may take: 4 bytes a pair, or 1 when implicit (default 4GB)' },
  scale: {
    value: 'NAME',
    choices: ['fold', 'unit', 'none'],
    help: 'fold thresholds into weights, compare directions, or neither (default fold)',
  },
  sign: {
    value: 'WHICH',
    choices: ['same', 'either'],
    help: 'compare features as they are, or up to their sign: |cosine| with --scale unit (default same)',
  },
  weights: {
    value: 'LIST',
    help: `decoder=1,encoder=1,bias=1 or one of ${Object.keys(weightPresets).join(', ')} (default all)`,
  },
  'unmatched-cost': { value: 'COST', help: 'make no dearer pair (default inf: match the smaller SAE whole)' },
  'unmatched-quantile': {
    value: 'Q',
    help: 'in its place: this quantile of the costs of the full match; 0.9 leaves about a tenth without a partner',
  },
  unfoldable: {
    value: 'HOW',
    choices: ['exclude', 'median'],
    help: 'leave out features that cannot be folded, or give them the median threshold (default exclude)',
  },
  verify: verifyOption,
  baselines: {
    value: 'WHICH',
    choices: ['basic', 'all', 'none'],
    help: 'what to hold the match against; all adds the unfolded and the cosine match',
  },
}

/** What the user says about the two checkpoints of a match. */
export const checkpointOptions: OptionSpecs = {
  format: { value: 'NAME', help: 'the checkpoint family (default: from the names of the files)' },
  'activation-scale': {
    value: 'A,B',
    help: 'the factors on the activations of A and B, where a checkpoint scales them and does not say by how much',
  },
}

/** `--activation-scale A,B`: one factor for each SAE, or null. */
export function readActivationScales(args: Arguments): readonly [number, number] | null {
  const text = args.text('activation-scale')
  if (text === undefined) return null
  const [a, b, ...more] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (![a, b].every((scale) => scale > 0 && Number.isFinite(scale)) || more.length > 0) {
    throw new UsageError(`Expected two positive numbers A,B for --activation-scale, got ${text}`)
  }
  return [a, b]
}

/** What the user chose, as options of `match`. */
export function readMatchOptions(args: Arguments, defaults: MatchOptions): MatchOptions {
  if (args.has('unmatched-cost') && args.has('unmatched-quantile'))
    throw new UsageError('Expected one of --unmatched-cost and --unmatched-quantile')
  return {
    ...defaults,
    ...given({
      backend: args.text('backend'),
      solver: args.text('solver'),
      source: args.text('source'),
      memoryBudget: args.bytes('memory-budget'),
      scale: args.text('scale'),
      sign: args.text('sign'),
      weights: readWeights(args.text('weights')),
      unmatchedCost: args.number('unmatched-cost'),
      unmatchedQuantile: readShare(args, 'unmatched-quantile'),
      unfoldable: args.text('unfoldable'),
      verify: args.text('verify'),
      baselines: args.text('baselines'),
    } as MatchOptions),
  }
}

/** A number from 0 to 1. @throws UsageError */
export function readShare(args: Arguments, name: string): number | undefined {
  const share = args.number(name)
  if (share === undefined || (share >= 0 && share <= 1)) return share
  throw new UsageError(`Expected a number from 0 to 1 for --${name}, got ${share}`)
}

/** `--threads` is another spelling of SAE_MATCH_THREADS, which backends read when they start. */
export function applyThreads(args: Arguments): void {
  const threads = args.text('threads')
  if (threads === undefined) return
  if (!/^[1-9]\d{0,3}$/.test(threads)) throw new UsageError(`Expected 1 to 9999 for --threads, got ${threads}`)
  process.env.SAE_MATCH_THREADS = threads
}

function readWeights(text: string | undefined): MatchOptions['weights'] {
  if (text === undefined) return undefined
  if (Object.hasOwn(weightPresets, text)) return text as keyof typeof weightPresets
  const terms = Object.keys(weightPresets.all) as (keyof Weights)[]
  const found = new Map(text.split(',').map((part) => part.split('=') as [string, string | undefined]))
  const numbers = terms.map((term) => [term, Number(found.get(term) || Number.NaN)] as const)
  if (found.size !== terms.length || numbers.some(([, weight]) => !(weight >= 0))) {
    const presets = Object.keys(weightPresets).join(', ')
    throw new UsageError(`Expected decoder=1,encoder=1,bias=1 (numbers >= 0) or ${presets} for --weights, got ${text}`)
  }
  return Object.fromEntries(numbers) as unknown as Weights
}

function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
