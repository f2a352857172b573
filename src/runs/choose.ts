import { basename, resolve } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { canonicalJson } from '../output/json.js'
import type { Run, RunInput, RunPair } from './read-run.js'

/** A pair of a run, taken in the direction that is wanted. */
export interface RunStep {
  readonly pair: RunPair
  /** Whether the run has the pair from B to A only. */
  readonly inverted: boolean
}

/**
 * The SAE of a run that a name, the number of a layer or a path means.
 *
 * @throws SaeMatchError `INPUT_UNKNOWN` where there is none or more than one
 */
export function findInput(run: Run, wanted: string): RunInput {
  const named = run.inputs.filter(({ name }) => name === wanted)
  const meant = run.inputs.filter(
    ({ aliases, layer, path }) =>
      aliases.includes(wanted) || `${layer ?? ''}` === wanted || resolve(path) === resolve(wanted),
  )
  const found = named.length > 0 ? named : meant
  if (found.length === 1) return found[0]
  if (found.length > 1) throw severalInputs(run, `that ${wanted} may mean`, found)
  const hint = `It has ${run.inputs.map(describeInput).join(', ')}.`
  throw new SaeMatchError('INPUT_UNKNOWN', `${run.path} has no SAE ${wanted}`, { hint })
}

/**
 * SAEs from `from` to `to` through all layers of the run between them, in order.
 *
 * @throws SaeMatchError `INPUT_UNKNOWN` where a layer between them has several SAEs, or the layer of an end is unknown
 */
export function pathBetween(run: Run, from: RunInput, to: RunInput): RunInput[] {
  for (const { layer, name } of [from, to]) if (layer === null) throw unknownLayer(name)
  const [least, largest] = [from.layer!, to.layer!].sort((x, y) => x - y)
  const between = run.inputs.filter(({ layer }) => layer !== null && layer > least && layer < largest)
  const path = onePerLayer(run, between)
  return [from, ...(from.layer! <= to.layer! ? path : path.reverse()), to]
}

/**
 * All SAEs of a run, by layer.
 *
 * @throws SaeMatchError `INPUT_UNKNOWN` where a layer has several SAEs, or the layer of one is unknown
 */
export function allLayers(run: Run): RunInput[] {
  for (const { layer, name } of run.inputs) if (layer === null) throw unknownLayer(name)
  return onePerLayer(run, run.inputs)
}

/**
 * The pair of a run that matches A with B; where it only has B with A, that one, to be inverted.
 *
 * @throws SaeMatchError `PAIR_MISSING` where there is neither, `PAIR_AMBIGUOUS` where there are several of
 * different contents
 */
export function findStep(run: Run, a: RunInput, b: RunInput): RunStep {
  const step = findStepIfAny(run, a, b)
  if (step !== null) return step
  const hint = `sae-match match ${a.path} ${b.path} --out ${run.path} makes it.`
  throw new SaeMatchError('PAIR_MISSING', `${run.path} holds no match of ${a.name} with ${b.name}`, { hint })
}

/** As {@link findStep}, but null where the run has no such pair. @throws SaeMatchError `PAIR_AMBIGUOUS` */
export function findStepIfAny(run: Run, a: RunInput, b: RunInput): RunStep | null {
  const forward = pairsOf(run, a, b)
  const candidates = forward.length > 0 ? forward : pairsOf(run, b, a)
  if (candidates.length === 0) return null
  if (candidates.length > 1) throw severalPairs(run, candidates)
  return { pair: candidates[0], inverted: forward.length === 0 }
}

/** Files of equal contents (made again under other names, or with other baselines) are one: any of them will do. */
function pairsOf(run: Run, a: RunInput, b: RunInput): RunPair[] {
  const pairs = run.pairs.filter((pair) => pair.a === a && pair.b === b)
  return [...new Map(pairs.map((pair) => [pair.sha256, pair])).values()]
}

function onePerLayer(run: Run, inputs: readonly RunInput[]): RunInput[] {
  for (const { layer } of inputs) {
    const same = inputs.filter((input) => input.layer === layer)
    if (same.length > 1) throw severalInputs(run, `of layer ${layer}`, same)
  }
  return [...inputs]
}

function unknownLayer(name: string): SaeMatchError {
  return new SaeMatchError('INPUT_UNKNOWN', `The layer of ${name} is unknown, so it has no place among the others`, {
    hint: 'Name the SAEs in their order: --through for those between two, --layers for all.',
  })
}

function severalInputs(run: Run, wanted: string, found: readonly RunInput[]): SaeMatchError {
  return new SaeMatchError('INPUT_UNKNOWN', `${run.path} has several SAEs ${wanted}`, {
    hint: `Name one of them (--through for those between two, --layers for all), or match them into folders of their own:\n${found.map(describeChoice).join('\n')}`,
  })
}

function describeChoice({ name, path, features }: RunInput): string {
  return `  ${name}: ${features} features, ${path}`
}

function describeInput({ name, layer }: RunInput): string {
  return layer === null ? name : `${name} (layer ${layer})`
}

function severalPairs(run: Run, pairs: readonly RunPair[]): SaeMatchError {
  const [{ a, b }] = pairs
  const names = [...new Set(pairs.flatMap(({ options }) => Object.keys(options)))]
  const differing = names.filter((name) => new Set(pairs.map(({ options }) => canonicalJson(options[name]))).size > 1)
  const choices = pairs.map(({ file, options }) => {
    const values = differing.map((name) => `${name} ${name in options ? canonicalJson(options[name]) : 'none'}`)
    return `${basename(file, '.npz')} (${values.join(', ')})`
  })
  const message = `${run.path} holds several matches of ${a.name} with ${b.name}: ${choices.join('; ')}`
  return new SaeMatchError('PAIR_AMBIGUOUS', message, {
    hint: `Choose the options of one by its hash: --options-of ${pairs[0].hash}.`,
  })
}
