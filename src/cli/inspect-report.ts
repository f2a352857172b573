import type { Inspection, Spread } from '../matching/inspect.js'
import { significant, size, whole } from './numbers.js'
import { type Column, renderDefinitions, renderTable, warningLines } from './table.js'
import type { Terminal } from './terminal.js'

type Looks = Pick<Terminal, 'colors' | 'width'>

/** One SAE, a line for each thing that is known of it. */
export function renderInspection(found: Inspection, looks: Looks): string {
  const { encoder, decoder, thresholds, deadRows } = found
  const matrix = ({ dtype, shape, storedTransposed }: Inspection['encoder']) =>
    `${whole(shape[0])} × ${whole(shape[1])} ${dtype}${storedTransposed ? ', stored transposed' : ''}`
  const writes: [string, string][] = found.outputSite === null ? [] : [['writes', found.outputSite]]
  const entries: [string, string][] = [
    ['files', found.files.map(({ path, bytes }) => `${path} (${size(bytes)})`).join(', ')],
    ['family', found.family],
    ['architecture', `${found.architecture} (${activationText(found)})`],
    ['reads', [found.model, found.hook, found.site].filter((part) => part !== null).join(', ')],
    ...writes,
    ['layer', found.layer === null ? 'unknown' : String(found.layer)],
    ['encoder', matrix(encoder)],
    ['decoder', matrix(decoder)],
    ['encoder norms', spreadText(found.encoderNorms)],
    ['decoder norms', `${spreadText(found.decoderNorms)}${deadRows > 0 ? `, ${whole(deadRows)} are zero` : ''}`],
    ['encoder bias', spreadText(found.encoderBias)],
    ['thresholds', thresholds === null ? 'none' : spreadText(thresholds)],
    ['unfoldable', thresholds === null ? '-' : whole(thresholds.unfoldable.length)],
    ['folding', thresholds === null ? 'none: no thresholds; match with --scale unit or none' : found.folding],
    ...(found.averageL0 === null ? [] : ([['average L0', significant(found.averageL0)]] as [string, string][])),
    ...(found.neverActive === null ? [] : ([['never active', whole(found.neverActive)]] as [string, string][])),
    ...(found.inputNorm === 'none' ? [] : ([['input norm', found.inputNorm]] as [string, string][])),
  ]
  const { colors, width } = looks
  return [
    colors.bold(`${found.path}  ${whole(found.features)} features of width ${whole(found.dimension)}`),
    ...renderDefinitions(
      entries.map(([term, text]) => [`  ${colors.dim(term)}`, text] as const),
      width,
    ),
    ...inspectionWarnings(found.warnings, looks),
  ].join('\n')
}

const columns: readonly Column[] = [
  { title: 'layer', align: 'right' },
  { title: 'site', align: 'left' },
  { title: 'features', align: 'right' },
  { title: 'width', align: 'right' },
  { title: 'type', align: 'left' },
  { title: 'activation', align: 'left' },
  { title: 'threshold', align: 'right' },
  { title: 'unfoldable', align: 'right' },
  { title: '|decoder|', align: 'right' },
  { title: 'dead', align: 'right' },
  { title: 'SAE', align: 'left' },
]

/**
 * Many SAEs, a row for each, and below what is doubtful: about all of them together, then about which of them.
 * @param names of the SAEs, short
 */
export function renderInspections(
  found: readonly Inspection[],
  names: readonly string[],
  together: readonly string[],
  looks: Looks,
): string {
  const rows = found.map((one, place) => [
    one.layer === null ? '?' : String(one.layer),
    one.outputSite === null ? one.site : `${one.site} to ${one.outputSite}`,
    whole(one.features),
    whole(one.dimension),
    one.decoder.dtype,
    activationText(one),
    one.thresholds === null ? '-' : significant(one.thresholds.median, 3),
    one.thresholds === null ? '-' : whole(one.thresholds.unfoldable.length),
    significant(one.decoderNorms.median, 3),
    whole(one.neverActive ?? one.deadRows),
    names[place],
  ])
  const warned = new Map<string, string[]>()
  for (const [place, { warnings }] of found.entries()) {
    for (const warning of warnings) warned.set(warning, [...(warned.get(warning) ?? []), names[place]])
  }
  const about = (who: readonly string[]) => {
    if (who.length === found.length) return 'all'
    return who.length <= 4 ? who.join(', ') : `${who.slice(0, 3).join(', ')} and ${who.length - 3} more`
  }
  return [
    ...renderTable(columns, rows, looks.colors.dim),
    looks.colors.dim('threshold, |decoder|: medians'),
    ...inspectionWarnings([...together, ...[...warned].map(([warning, who]) => `${about(who)}: ${warning}`)], looks),
  ].join('\n')
}

/** What is doubtful, below the rest. */
export function inspectionWarnings(warnings: readonly string[], { colors, width }: Looks): string[] {
  return warningLines(warnings, width - 2, (line) => `  ${colors.yellow(line)}`)
}

function activationText({ activation }: Inspection): string {
  return 'k' in activation ? `${activation.kind}, k = ${activation.k}` : activation.kind
}

function spreadText({ min, median, max }: Spread): string {
  return `${significant(min)} .. ${significant(median)} .. ${significant(max)} (least, median, largest)`
}
