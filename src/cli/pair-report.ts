import type { MeanScores } from '../matching/score.js'
import { type Histogram, quantileLevels } from '../matching/statistics.js'
import type { PairRecord } from '../output/pair-files.js'
import type { StoredPair } from '../output/run-directory.js'
import { bar, columnChart } from './histogram.js'
import { comparable, decimals, duration, percent, significant, whole } from './numbers.js'
import { pairTitle } from './run-pairs.js'
import { type Column, renderTable, warningLines, wrap } from './table.js'
import type { Colors } from './terminal.js'

const columns: readonly Column[] = [
  { title: 'mean over the pairs', align: 'left' },
  { title: 'objective', align: 'right' },
  { title: '', align: 'left' },
  { title: 'decoder MSE', align: 'right' },
  { title: 'encoder MSE', align: 'right' },
  { title: 'bias MSE', align: 'right' },
]

/** What the columns of the table are, in one sentence. */
function footnote({ ran, options }: PairRecord): string {
  const folded = ran.scoredScale === 'fold' ? 'folded ' : ''
  const { decoder, encoder, bias } = options.weights
  const term = (weight: number, text: string) =>
    weight === 0 ? [] : [weight === 1 ? text : `${significant(weight)} × ${text}`]
  const terms = [...term(decoder, 'd × decoder MSE'), ...term(encoder, 'd × encoder MSE'), ...term(bias, 'bias MSE')]
  return `objective = ${terms.join(' + ')}; MSE: mean squared difference of the ${folded}weights of a pair, per number.`
}

/** What a person wants to know about a pair: what was found, against what, how sure, and where it is. */
export function renderPair({ record, file }: StoredPair, colors: Colors, width: number): string {
  const { a, b, certificate, distributions, summary, warnings, milliseconds } = record
  const lines = [
    proof(certificate, colors),
    counts(record),
    '',
    ...renderTable(columns, scoreRows(record, colors), colors.dim),
    '',
    ...wrap(footnote(record), width - 2).map(colors.dim),
    '',
    ...cosineChart(distributions.cosineDecoder, colors),
    ...confidenceLine(distributions.confidence),
    ...(summary.mutualShare === undefined
      ? []
      : [`${percent(summary.mutualShare)} of the features have a mutual nearest neighbour`]),
    '',
    ...timings(milliseconds, width - 2).map(colors.dim),
    colors.dim(file),
    ...warningLines(warnings, width - 2, colors.yellow),
  ]
  const size = `${whole(record.n)} × ${whole(record.m)} features of width ${whole(a.dimension)}`
  const title = pairTitle(a.name, b.name)
  const oneLine = title.length + size.length + 2 <= width
  return [
    oneLine ? `${colors.bold(title)}  ${size}` : `${colors.bold(title)}\n  ${size}`,
    ...lines.map((line) => `  ${line}`.trimEnd()),
  ].join('\n')
}

/** The methods of the table, the match itself on top. */
function scoreRows({ summary, ran, options }: PairRecord, colors: Colors): string[][] {
  const { matched, unfolded, cosine, nearest, identity, random, randomExpected } = summary
  const own = { fold: 'folded match', none: 'unfolded match', unit: 'cosine match', stat: 'scaled match' }[ran.scale]
  const methods: [string, MeanScores | undefined][] = [
    [own, matched],
    ['unfolded match', unfolded],
    ['cosine match', cosine],
    ['identity', identity],
    [`random (${options.seeds.length} seeds)`, random],
    ['random, expected', randomExpected],
    ['nearest, many-to-one', nearest],
  ]
  const rows = methods.filter((method): method is [string, MeanScores] => method[1] !== undefined)
  const most = Math.max(...rows.map(([, { total }]) => total))
  const part = (name: keyof MeanScores) => comparable(rows.map(([, scores]) => scores[name]))
  const [total, decoder, encoder, bias] = [part('total'), part('decoder'), part('encoder'), part('bias')]
  return rows.map(([name, scores], row) => {
    const strong = row === 0 ? colors.bold : (text: string) => text
    const length = colors.cyan(bar(scores.total / most, 8))
    return [strong(name), strong(total[row]), length, ...[decoder, encoder, bias].map((texts) => strong(texts[row]))]
  })
}

function proof({ optimal, gap, roundingBound, proof: kind }: PairRecord['certificate'], colors: Colors): string {
  const how = kind === 'full' ? 'full proof over every pair' : 'proof from the lists of the solver'
  if (!optimal) return colors.red(`not proved optimal: gap ${significant(gap)}, ${how}`)
  const rounding = `gap ${significant(gap, 2)} within rounding (${significant(roundingBound, 2)})`
  return `${colors.green('optimal')}, ${how}: ${rounding}`
}

function counts({ matched, unmatched, unfoldable, options, ran }: PairRecord): string {
  const parts = [`${whole(matched)} ${matched === 1 ? 'pair' : 'pairs'}`]
  if (unmatched.a > 0) parts.push(`${whole(unmatched.a)} of A without a partner`)
  if (unmatched.b > 0) parts.push(`${whole(unmatched.b)} of B without a partner`)
  if (ran.unmatchedCost !== undefined) parts.push(`none dearer than ${significant(ran.unmatchedCost)}`)
  const excluded = unfoldable.a.length + unfoldable.b.length
  if (excluded > 0 && options.unfoldable === 'exclude') parts.push(`${whole(excluded)} unfoldable ones left out`)
  if (ran.scoredScale !== ran.scale) parts.push(`scored in the scale ${ran.scoredScale}`)
  return parts.join(', ')
}

/** How far ahead of the next best the partners are. */
function confidenceLine({ count, quantiles }: PairRecord['distributions']['confidence']): string[] {
  if (count === 0) return []
  const levels = [0.75, 0.9, 0.95] as const
  const texts = levels.map((level) => `${100 * level} % ${decimals(quantiles[quantileLevels.indexOf(level)], 3)}`)
  return [`confidence, the lead over the next best: ${texts.join('  ')}`]
}

/** How alike the decoders of the pairs are, from the first bin in use to 1. */
function cosineChart(cosines: { quantiles: readonly number[]; histogram: Histogram }, colors: Colors): string[] {
  const { counts: all, edges } = cosines.histogram
  const first = Math.max(
    0,
    Math.min(
      all.findIndex((count) => count > 0),
      all.length / 2,
    ),
  )
  const quartiles = [0.25, 0.5, 0.75].map((level) => cosines.quantiles[quantileLevels.indexOf(level as 0.5)])
  const [low, median, high] = quartiles.map((value) => decimals(value, 3))
  const chart = columnChart(all.slice(first), 3, 2)
  const axis = decimals(edges[first], 2).padEnd(chart[0].length - 1)
  return [
    `cosine of the two decoders of a pair: quartiles ${low}  ${colors.bold(median)}  ${high}`,
    ...chart.map(colors.cyan),
    colors.dim(`${axis}1`),
  ]
}

/** Lines that break between parts, never between a number and its unit. */
function timings(
  { load, fold, cost, solve, verify, write, total }: PairRecord['milliseconds'],
  width: number,
): string[] {
  const rest = total - (load + fold + cost + solve + verify + write)
  const phases = Object.entries({ load, fold, cost, solve, verify, write, 'scores and baselines': rest })
  const glued = phases.map(([name, time]) => `${name} ${duration(time)}`.replaceAll(' ', '\u00a0'))
  return wrap(`${duration(total)}: ${glued.join(', ')}`, width).map((line) => line.replaceAll('\u00a0', ' '))
}
