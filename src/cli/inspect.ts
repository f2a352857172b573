import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Backend } from '../backend/backend.js'
import { getBackend } from '../backend/select.js'
import { SaeMatchError } from '../errors.js'
import { locate, recognisingFamilies } from '../formats/detect.js'
import { deadFeatures, readFeatureStatistics } from '../labels/feature-statistics.js'
import { type Inspection, inspectSae, inspectTogether } from '../matching/inspect.js'
import { type LoadOptions, loadSae } from '../matching/load.js'
import { shortNames } from '../output/short-names.js'
import { discoverSaes, type FoundSae } from '../pairs/discover.js'
import { featureCount, type Sae } from '../sae/sae.js'
import type { Command } from './command.js'
import { inputOptions, readInputs } from './inputs.js'
import { inspectionWarnings, renderInspection, renderInspections } from './inspect-report.js'
import { applyThreads, backendOptions, checkpointOptions } from './match-options.js'

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'what checkpoints hold and how they will be folded',
  positionals: ['FILE|DIR'],
  options: {
    ...backendOptions,
    format: checkpointOptions.format,
    ...inputOptions,
    'activation-scale': { value: 'S', help: 'the factor on activations, where the checkpoint does not say it' },
  },
  details: [
    'Reads a checkpoint and shows its shapes, types and architecture, its thresholds and norms, which features cannot be folded or are dead, and what is doubtful about it. Of a folder with several it makes a table, layer by layer; one is in memory at a time.',
  ],
  examples: [
    'sae-match inspect saes/layer_12',
    'sae-match inspect saes/',
    'sae-match inspect params.npz --json',
    'sae-match inspect crosscoder/params_layer_0.safetensors#9',
  ],
  run: async (args, context) => {
    const { terminal, signal } = context
    applyThreads(args)
    const backend = args.text('backend') as 'auto' | undefined
    const options = { backend, format: args.text('format'), activationScale: args.number('activation-scale'), signal }
    const [path] = await readInputs(args.positionals, args, context)
    const json = args.has('json')
    const print = (found: unknown, text: () => string) => terminal.print(json ? JSON.stringify(found, null, 2) : text())

    const saes = await saesIn(path, options)
    if (saes === null) {
      const found = await inspect(path, options)
      print(found, () => renderInspection(found, terminal))
      return
    }
    const { found, failed } = await inspectMany(saes, options)
    const together = inspectTogether(found)
    const unread = failed.map(({ path, error }) => ({ path, message: error.message }))
    print({ path, saes: found, failed: unread, warnings: together }, () => {
      const names = shortNames(found.map((one) => one.path))
      const failures = unread.map((one) => `${one.path}: ${one.message}`)
      const table = found.length === 0 ? [] : [renderInspections(found, names, together, terminal)]
      return [...table, ...inspectionWarnings(failures, terminal)].join('\n')
    })
    if (failed.length > 0) throw failed[0].error
  },
}

/** What is below a folder, or null for a place that is one SAE or nothing: that is to be loaded, or to be refused. */
async function saesIn(path: string, { format, signal }: LoadOptions): Promise<FoundSae[] | null> {
  const location = await locate(path)
  const isOne = location.file !== null || recognisingFamilies(location, format).length > 0
  const saes = await discoverSaes([path], { format, signal }).catch((error) => {
    if (isOne) return []
    throw error
  })
  return isOne && saes.length < 2 ? null : saes
}

async function inspectMany(saes: readonly FoundSae[], options: LoadOptions) {
  const found: Inspection[] = []
  const failed: { path: string; error: Error }[] = []
  for (const { path } of saes) {
    try {
      found.push(await inspect(path, options))
    } catch (error) {
      options.signal?.throwIfAborted()
      failed.push({ path, error: error as Error })
    }
  }
  return { found, failed }
}

async function inspect(path: string, options: LoadOptions): Promise<Inspection> {
  const math: Backend = await getBackend(options.backend ?? 'auto')
  const sae = await loadSae(path, options)
  const { dead, warnings } = await countDead(sae, options.signal)
  const found = await inspectSae(sae, math, dead)
  return { ...found, warnings: [...found.warnings, ...warnings] }
}

/** How many features never fire, where SAELens' file of firing rates is beside the weights, which do without it. */
async function countDead(
  sae: Sae,
  signal: AbortSignal | undefined,
): Promise<{ readonly dead: number | null; readonly warnings: readonly string[] }> {
  const path = join(dirname(sae.source.files[0].path), 'sparsity.safetensors')
  if (!existsSync(path)) return { dead: null, warnings: [] }
  try {
    const statistics = await readFeatureStatistics(path, featureCount(sae), signal)
    return { dead: deadFeatures(statistics).reduce((count, dead) => count + dead, 0), warnings: [] }
  } catch (error) {
    if (!(error instanceof SaeMatchError)) throw error
    return { dead: null, warnings: [`Which features never fire is not known: ${error.message}`] }
  }
}
