import { distribution } from '../matching/statistics.js'
import { canonicalJson } from '../output/json.js'
import { allLayers, findInput, type RunStep } from '../runs/choose.js'
import { type Run, type RunInput, readRun } from '../runs/read-run.js'
import type { StepCut } from '../tracks/cut.js'
import { type Arguments, type OptionSpecs, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import { significant } from './numbers.js'

/** Of every file that commands write about a run directory; raised when a reader of an older one would go wrong. */
export const schemaVersion = 1

/** Options of every command that reads a run directory. */
export const readRunOptions: OptionSpecs = {
  'options-of': {
    value: 'HASH',
    help: 'only pairs with the options of this one (the end of its file name); several: HASH,HASH',
  },
}

/** Which pairs of the steps hold. */
export const cutOptions: OptionSpecs = {
  cost: { value: 'X', help: 'cut where a step costs more than this' },
  cosine: { value: 'X', help: 'cut where the cosine of the two decoders is below this' },
  mutual: { help: "cut where the two features are not each other's nearest" },
}

/** What the user chose of {@link cutOptions}. */
export function readCut(args: Arguments): StepCut {
  const [cost, cosine] = [args.number('cost'), args.number('cosine')]
  if (cosine !== undefined && !(cosine >= -1 && cosine <= 1)) {
    throw new UsageError(`Expected a number from -1 to 1 for --cosine, got ${cosine}`)
  }
  return { cost, cosine, mutual: args.has('mutual') }
}

/** A cut in `--json`. */
export function cutJson({ cost, cosine, mutual }: StepCut) {
  return { cost: cost ?? null, cosine: cosine ?? null, mutual: mutual ?? false }
}

export type CutJson = ReturnType<typeof cutJson>

/** A cut in words, null where there is none. */
export function cutText({ cost, cosine, mutual }: CutJson): string | null {
  const cuts = [
    ...(cost === null ? [] : [`costs more than ${significant(cost)}`]),
    ...(cosine === null ? [] : [`has a decoder cosine below ${significant(cosine)}`]),
    ...(mutual ? ['is not mutual nearest'] : []),
  ]
  return cuts.length === 0 ? null : `cut where a step ${cuts.join(' or ')}`
}

/** Opens the run directory of a command. */
export function openRun(args: Arguments, { signal }: CommandContext): Promise<Run> {
  return readRun(args.positionals[0], { optionsOf: readList(args, 'options-of') ?? [], signal })
}

/** The parts of `--name X,Y,Z`; undefined where the option was not typed. */
export function readList(args: Arguments, name: string): string[] | undefined {
  return args
    .text(name)
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** The layers that `--layers` names, or all of the run; at least two. */
export function readLayers(args: Arguments, run: Run): RunInput[] {
  const layers = readList(args, 'layers')?.map((name) => findInput(run, name)) ?? allLayers(run)
  if (layers.length < 2)
    throw new UsageError(`Expected at least two layers, found ${layers.map(({ name }) => name).join()}`)
  return layers
}

/** What a user should know about the pairs that were taken. */
export function runWarnings(run: Run, steps: readonly RunStep[]): string[] {
  const options = new Set(steps.map(({ pair }) => canonicalJson(pair.options)))
  return [
    ...(options.size > 1
      ? ['The steps were matched with different options, so their costs may be of different scales.']
      : []),
    ...run.passedOver.map(({ reason }) => `Passed over: ${reason}`),
  ]
}

/** An SAE of a run in `--json`. */
export function inputJson({ name, layer, features }: RunInput) {
  return { name, layer, features }
}

/** Count, mean and quantiles of the values that are not NaN, for `--json`. */
export function spreadJson(values: Float32Array | Float64Array) {
  const { count, mean, quantiles } = distribution(Float64Array.from(values), () => [0, 1])
  return { count, mean, quantiles }
}

export type SpreadJson = ReturnType<typeof spreadJson>
