import { backendInfo } from '../backend/info.js'
import type { BackendRequest } from '../backend/select.js'
import { cosineCutoffs, featureConsistency } from '../matching/consistency.js'
import { loadSae } from '../matching/load.js'
import { ensureWritableFile, writeFileAtomically } from '../output/atomic-file.js'
import { consistencyRecord } from '../output/consistency-file.js'
import { hashFile } from '../output/file-hash.js'
import { encodeJson } from '../output/json.js'
import { inputRecord } from '../output/pair-files.js'
import { shortNames } from '../output/short-names.js'
import type { Sae } from '../sae/sae.js'
import type { Command } from './command.js'
import { inputOptions, readInputs } from './inputs.js'
import { applyThreads, backendOptions, checkpointOptions, readActivationScales } from './match-options.js'
import { decimals, percent, whole } from './numbers.js'
import { createProgress } from './progress.js'
import { warningLines } from './table.js'
import type { Colors } from './terminal.js'

export const consistencyCommand: Command = {
  name: 'consistency',
  summary: 'PW-MCC and MMCS of two SAEs, from their decoders',
  positionals: ['A', 'B'],
  options: {
    out: { value: 'FILE', help: 'write everything, with both matchings, as JSON' },
    ...backendOptions,
    ...checkpointOptions,
    ...inputOptions,
  },
  details: [
    'Matches the decoders of A and B one to one for the most total cosine, and for the most total absolute cosine, each with a proof. PW-MCC is the mean over the features of the smaller SAE. MMCS is the mean of the largest cosine of every feature, many to one.',
  ],
  examples: ['sae-match consistency seed0/layer_8 seed1/layer_8 --out consistency.json'],
  run: async (args, context) => {
    applyThreads(args)
    const { terminal, signal } = context
    const out = args.text('out')
    if (out !== undefined) await ensureWritableFile(out)
    const backend = args.text('backend') as BackendRequest | undefined
    const paths = await readInputs(args.positionals, args, context)
    const scales = readActivationScales(args)
    const progress = createProgress(terminal, args.has('quiet'))
    const names = shortNames(paths)
    progress.begin(names.join(' → '))
    try {
      const load = (side: 0 | 1) =>
        loadSae(paths[side], { backend, format: args.text('format'), activationScale: scales?.[side], signal })
      const [a, b] = [await load(0), await load(1)]
      const found = await featureConsistency(a, b, { backend, signal, onProgress: progress.update })
      const record = async (name: string, sae: Sae) =>
        inputRecord(name, sae, await Promise.all(sae.source.files.map(({ path }) => hashFile(path, { signal }))))
      const inputs = { a: await record(names[0], a), b: await record(names[1], b) }
      progress.clear()
      const contents = consistencyRecord(found, inputs, backendInfo(backend).version)
      if (out !== undefined) await writeFileAtomically(out, encodeJson(contents))
      if (!args.has('json')) return terminal.print(render(names, contents, out, terminal.colors, terminal.width))
      // the matchings are for files
      const { matchings, ...summary } = contents
      const proofs = { signed: matchings.signed.certificate, absolute: matchings.absolute.certificate }
      terminal.print(JSON.stringify({ ...summary, certificates: proofs, out: out ?? null }, null, 2))
    } finally {
      progress.clear()
    }
  },
}

function render(
  names: readonly string[],
  { n, m, metrics, matchings, warnings }: ReturnType<typeof consistencyRecord>,
  out: string | undefined,
  colors: Colors,
  width: number,
): string {
  const shared = (fractions: readonly number[]) => percent(fractions[cosineCutoffs.indexOf(0.7)])
  const { signed, absolute } = matchings
  const proof = [signed, absolute].every(({ certificate }) => certificate.optimal)
    ? 'proved optimal'
    : 'not proved optimal'
  return [
    `${colors.bold(names.join(' → '))}  ${whole(n)} × ${whole(m)} features`,
    `  PW-MCC  ${colors.bold(decimals(metrics.pwMccSigned, 4))} signed, ${decimals(metrics.pwMccAbsolute, 4)} absolute, ${proof}`,
    `  MMCS    ${decimals(metrics.mmcsAToB, 4)} A to B, ${decimals(metrics.mmcsBToA, 4)} B to A`,
    `  shared  ${shared(signed.sharedFraction)} of the pairs have a cosine of at least 0.7`,
    ...(out === undefined ? [] : [`  ${colors.dim(out)}`]),
    ...warningLines(warnings, width - 2, (line) => `  ${colors.yellow(line)}`),
  ].join('\n')
}
