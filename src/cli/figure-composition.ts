import type { BackendRequest } from '../backend/environment.js'
import { getBackend } from '../backend/select.js'
import { type CompositionSource, compositionFigure, pathsOf } from '../figures/composition.js'
import type { Figure } from '../figures/figure.js'
import { defaultSaeMemory } from '../pairs/options.js'
import { createStore } from '../pairs/store.js'
import { findStep, findStepIfAny } from '../runs/choose.js'
import { openInput } from '../runs/open-input.js'
import { readPartners } from '../runs/pair-arrays.js'
import type { Run } from '../runs/read-run.js'
import { type Arguments, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import type { ProgressDisplay } from './progress.js'
import { readLayers } from './read-runs.js'

/** Composed and direct matches of one run. @throws UsageError */
export async function composition(
  runs: readonly Run[],
  args: Arguments,
  { signal }: CommandContext,
  progress: ProgressDisplay,
): Promise<Figure> {
  if (runs.length !== 1) throw new UsageError('Expected one RUN for the figure composition')
  const [run] = runs
  const layers = readLayers(args, run)
  progress.begin(`${layers[0].name} → ${layers[layers.length - 1].name}`)
  const found = layers.slice(1).map((layer, k) => findStep(run, layers[k], layer))
  if (found.some(({ pair }) => pair.options.alignment !== undefined))
    throw new UsageError('The figure composition scores features as they are: not those of matches with --align')
  const steps: Int32Array[] = []
  for (const step of found) steps.push(await readPartners(step, signal))
  const records = layers.map((layer, k) => {
    const { a, record } = found[Math.min(k, found.length - 1)].pair
    const side = a === layer ? 0 : 1
    return { record: side === 0 ? record.a : record.b, scale: record.options.activationScale?.[side] }
  })
  const store = createStore(
    pathsOf(layers.length).flatMap(({ from, to }) => [String(from), String(to)]),
    (key) => openInput(records[Number(key)].record, records[Number(key)].scale, signal),
    (key) => records[Number(key)].record.files.reduce((sum, { bytes }) => sum + bytes, 0),
    defaultSaeMemory(),
  )
  const withSaes: CompositionSource['withSaes'] = async (from, to, use) => {
    const keys = [String(from), String(to)]
    const opened = keys.map((key) => store.take(key))
    try {
      const [first, second] = await Promise.all(opened)
      return await use(first, second)
    } finally {
      for (const key of keys) store.release(key)
    }
  }
  const direct = async (from: number, to: number) => {
    const step = findStepIfAny(run, layers[from], layers[to])
    return step === null ? null : readPartners(step, signal)
  }
  const backend = await getBackend(args.text('backend') as BackendRequest | undefined)
  return compositionFigure({ layers, steps, direct, withSaes }, backend, signal)
}
