import type { BackendRequest } from '../backend/environment.js'
import { type BackendInfo, backendInfo } from '../backend/info.js'
import type { MatchOptions } from '../matching/options.js'
import type { StoredPair } from '../output/run-directory.js'
import type { MatchPairsOptions } from '../pairs/options.js'
import type { Arguments } from './arguments.js'
import type { CommandContext } from './command.js'
import { applyThreads, readActivationScales, readMatchOptions } from './match-options.js'
import type { ProgressDisplay } from './progress.js'
import type { Terminal } from './terminal.js'

/** Where commands that match write to unless the user says otherwise. */
export const defaultFolder = 'sae-match-run'

/** What the user chose, as options of `matchPairs`. Sets the number of threads. */
export function readPairsOptions(
  args: Arguments,
  { signal }: CommandContext,
  defaults: MatchOptions,
  folder = defaultFolder,
) {
  applyThreads(args)
  return {
    ...readMatchOptions(args, defaults),
    out: args.text('out') ?? folder,
    format: args.text('format'),
    activationScales: readActivationScales(args),
    signal,
  } satisfies MatchPairsOptions
}

/** Shows the phases of one pair after the other. */
export function followPairs(progress: ProgressDisplay): MatchPairsOptions['onProgress'] {
  let shown = ''
  return ({ a, b, phase, done, total }) => {
    const title = pairTitle(a, b)
    if (title !== shown) progress.begin(title)
    shown = title
    if (phase !== 'load' && phase !== 'write') progress.update({ phase, done, total })
  }
}

/** `layer_12 → layer_13` */
export function pairTitle(a: string, b: string): string {
  return `${a} → ${b}`
}

/** Says in front of the results what computes, where people read. */
export function printBackend(args: Arguments, { print }: Terminal, backend: BackendRequest | undefined): void {
  if (!args.has('json') && !args.has('quiet')) print(`${backendLine(backendInfo(backend))}\n`)
}

/** `sae-match 0.1.0  native backend (avx2, 2 threads)` */
export function backendLine({ version, active, simd, threads, reasons }: BackendInfo): string {
  const engine = [...(simd === null ? [] : [simd]), `${threads} ${threads === 1 ? 'thread' : 'threads'}`].join(', ')
  const native = reasons.find(({ backend }) => backend === 'native')
  const why = active === 'typescript' && native !== undefined ? `\nnative: ${native.message} (${native.code})` : ''
  return `sae-match ${version}  ${active} backend (${engine})${why}`
}

/** A pair of `--json`: scripts rely on these names. */
export function pairJson({ record, file }: StoredPair) {
  const { a, b, n, m, matched, cost, ran, certificate, warnings, milliseconds, summary } = record
  return {
    a: a.name,
    b: b.name,
    layerA: a.layer,
    layerB: b.layer,
    n,
    m,
    matched,
    cost,
    solver: ran.solver,
    backend: ran.backend,
    certificate,
    file,
    warnings,
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
