import os from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackendName } from '../backend/backend.js'
import type { CudaLoad } from '../backend/cuda.js'
import { backendNames, environmentReport } from '../backend/environment.js'
import { type BackendInfo, backendInfo } from '../backend/info.js'
import { version } from '../backend/manifest.js'
import { probeBackend } from '../backend/select.js'
import { runChild } from '../benchmark/child.js'
import { type ErrorCode, SaeMatchError } from '../errors.js'
import type { Command } from './command.js'
import { backendOptions } from './match-options.js'
import { size } from './numbers.js'
import { renderDefinitions, wrap } from './table.js'
import type { Terminal } from './terminal.js'

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'which backends work here, and if not, why and what to do',
  positionals: [],
  options: { backend: { ...backendOptions.backend, help: 'fail unless this backend works' } },
  details: ['Looks at this machine and tries every backend. Fails if the one that --backend names does not work.'],
  examples: ['sae-match doctor', 'sae-match doctor --backend native'],
  run: async (args, { terminal }) => {
    const gpus = await probeGpus()
    const reports = backendNames.map((name) => (name === 'cuda' && gpus !== null ? gpus : examine(name)))
    if (args.has('json')) {
      const backends = Object.fromEntries(reports.map(({ name, info: _, ...report }) => [name, report]))
      terminal.print(JSON.stringify({ version, backends }, null, 2))
    } else {
      terminal.print(render(reports, terminal))
    }
    // what cannot be used is shown first and is an error afterwards
    const requested = (args.text('backend') ?? 'auto') as BackendInfo['requested']
    if (requested === 'cuda' && gpus !== null) {
      throw new SaeMatchError(gpus.reason as ErrorCode, gpus.message ?? '', { hint: gpus.hint ?? '' })
    }
    // a GPU that ended one process shall not end this one
    if (requested !== 'auto' || gpus?.reason !== 'SELF_TEST_FAILED') backendInfo(requested)
  },
}

/** What there is to say about a backend; the fields of `--json`, on which scripts rely, and `info` beside them. */
interface BackendReport {
  readonly name: BackendName
  readonly available: boolean
  /** An error code; null for an available backend. */
  readonly reason: string | null
  readonly message: string | null
  readonly hint: string | null
  readonly simd?: string | null
  readonly supportedSimd?: readonly string[]
  readonly threads?: number
  readonly path?: string | null
  readonly build?: BackendInfo['build']
  readonly cuda?: BackendInfo['cuda']
  readonly info: BackendInfo | null
}

const probeSeconds = 60
const probe = fileURLToPath(new URL(`../backend/probe-cuda${extname(import.meta.url)}`, import.meta.url))

/** Tries the GPUs in a process of their own, which a broken driver may end. What is wrong with them; null if nothing is. */
async function probeGpus(): Promise<BackendReport | null> {
  const ending = await runChild(process.execPath, [...process.execArgv, probe], probeSeconds)
  const failed = (reason: string, message: string, hint: string): BackendReport => {
    return { name: 'cuda', available: false, reason, message, hint, info: null }
  }
  if ('failure' in ending) {
    const hint = 'Look at docs/troubleshooting.md#self_test_failed.'
    return failed('SELF_TEST_FAILED', `The process that tried the GPU failed: ${ending.failure}`, hint)
  }
  const { failure } = ending.report as CudaLoad
  return failure === null ? null : failed(failure.code, failure.message, failure.hint)
}

/** Tries a backend: one that is there may still be refused, for instance by SAE_MATCH_SIMD or SAE_MATCH_THREADS. */
function examine(name: BackendName): BackendReport {
  try {
    const { failure: reason } = probeBackend(name) // of this one alone: a GPU is tried elsewhere first
    if (reason !== null) {
      return { name, available: false, reason: reason.code, message: reason.message, hint: reason.hint, info: null }
    }
    const info = backendInfo(name)
    const { simd, supportedSimd, threads, addonPath: path, build, cuda } = info
    const works = { available: true, reason: null, message: null, hint: null }
    return { name, ...works, simd, supportedSimd, threads, path, build, cuda, info }
  } catch (error) {
    const { code = 'INTERNAL', message, hint = null } = error as { code?: string; message: string; hint?: string }
    return { name, available: false, reason: code, message, hint, info: null }
  }
}

function render(reports: readonly BackendReport[], { colors, width }: Terminal): string {
  const environment = Object.entries(environmentReport(process.env)).map(([name, value]) => `${name}=${value}`)
  const machine: [string, string][] = [
    ['sae-match', version],
    ['Node', `${process.version} on ${process.platform} ${process.arch}${libc()}`],
    [
      'processor',
      `${os.cpus()[0]?.model ?? 'unknown'}, ${os.availableParallelism()} usable cores, ${size(os.totalmem())}`,
    ],
    ['environment', environment.join(' ') || 'no SAE_MATCH_* variables'],
  ]
  return [
    ...renderDefinitions(machine, width),
    ...reports.flatMap((report) => ['', ...renderBackend(report, { colors, width })]),
  ].join('\n')
}

function renderBackend(
  { name, available, reason, message, hint, info }: BackendReport,
  { colors, width }: Pick<Terminal, 'colors' | 'width'>,
): string[] {
  const indent = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`)
  if (!available) {
    const title = `${colors.red('✗')} ${colors.bold(name)}  ${reason}`
    return [title, ...indent(message ?? ''), ...(hint === null ? [] : indent(`→ ${hint}`))]
  }
  const threads = `${info?.threads} ${info?.threads === 1 ? 'thread' : 'threads'}`
  const simd = info?.simd == null ? '' : `${info.simd} (of ${info.supportedSimd.join(', ')}), `
  const built = info?.build == null ? [] : [...indent(info.build.summary), ...indent(info.addonPath ?? '')]
  const gpus = (info?.cuda?.devices ?? []).flatMap(({ name: gpu, computeCapability, totalBytes, failure }, place) => {
    const passedOver = failure === null ? '' : `, not used: ${failure.code}, ${failure.message}`
    return indent(`GPU ${place}: ${gpu}, compute capability ${computeCapability}, ${size(totalBytes)}${passedOver}`)
  })
  built.push(...gpus)
  return [`${colors.green('✓')} ${colors.bold(name)}  ${simd}${threads}`, ...built.map(colors.dim)]
}

function libc(): string {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined ? '' : `, glibc ${header.glibcVersionRuntime}`
}
