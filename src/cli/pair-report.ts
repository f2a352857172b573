import type { MeanScores } from '../matching/score.js'
import { quantileLevels } from '../matching/statistics.js'
import { bars } from './histogram.js'
import { decimals, duration, percent, significant, whole } from './numbers.js'
import type { PairOutcome } from './run-pairs.js'
import { type Column, renderTable, wrap } from './table.js'
import type { Colors } from './terminal.js'

const columns: readonly Column[] = [
  { title: 'mean over pairs', align: 'left' },
  { title: 'objective', align: 'right' },
  { title: 'MSE decoder', align: 'right' },
  { title: 'MSE encoder', align: 'right' },
  { title: 'MSE bias', align: 'right' },
]

/** What a person wants to know about a pair: what was found, against what, how sure, and where it is. */
export function renderPair({ a, b, match, milliseconds, file }: PairOutcome, colors: Colors, width: number): string {
  const { n, m, certificate, distributions, summary, provenance, warnings } = match
  const cosines = distributions.cosineDecoder
  const quartile = (level: number) => decimals(cosines.quantiles[quantileLevels.indexOf(level as 0.5)], 3)
  const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`)
  const scored = provenance.scoredScale === provenance.scale ? '' : `, scored in the scale ${provenance.scoredScale}`
  return [
    `${colors.bold(`${a.name} → ${b.name}`)}  ${whole(n)} × ${whole(m)} features of width ${whole(a.dimension)}`,
    ...indent([
      proof(certificate, colors),
      `${whole(match.matched)} pairs${scored}${unmatched(match)}`,
      '',
      ...renderTable(columns, scoreRows(match, colors), colors.dim),
      '',
      `cosine of the decoders of a pair: quartiles ${quartile(0.25)}  ${colors.bold(quartile(0.5))}  ${quartile(0.75)}`,
      `−1 ${colors.cyan(bars(cosines.histogram.counts))} 1`,
      ...(summary.mutualShare === undefined
        ? []
        : [`${percent(summary.mutualShare)} of the features are mutual nearest neighbours`]),
      '',
      colors.dim(timings(milliseconds)),
      colors.dim(file),
    ]),
    ...warnings.flatMap((warning) => wrap(`! ${warning}`, width - 2).map((line) => `  ${colors.yellow(line)}`)),
  ].join('\n')
}

/** The methods of the table, best known first, with the match itself on top. */
function scoreRows({ summary, provenance }: PairOutcome['match'], colors: Colors): string[][] {
  const { matched, unfolded, cosine, nearest, identity, random, randomExpected } = summary
  const own = { fold: 'folded match', none: 'unfolded match', unit: 'cosine match', stat: 'scaled match' }[
    provenance.scale
  ]
  const rows: [string, MeanScores | undefined][] = [
    [own, matched],
    ['unfolded match', unfolded],
    ['cosine match', cosine],
    ['identity', identity],
    [`random (${provenance.seeds.length} seeds)`, random],
    ['random, expected', randomExpected],
    ['nearest, many-to-one', nearest],
  ]
  return rows
    .filter((row): row is [string, MeanScores] => row[1] !== undefined)
    .map(([name, { total, decoder, encoder, bias }], place) => {
      const cells = [name, ...[total, decoder, encoder, bias].map((value) => significant(value))]
      return place === 0 ? cells.map(colors.bold) : cells
    })
}

function proof(certificate: PairOutcome['match']['certificate'], colors: Colors): string {
  const { optimal, gap, roundingBound, proof: kind } = certificate
  const how = kind === 'full' ? 'over every pair' : 'from the lists of the solver'
  if (!optimal) return colors.red(`not proved optimal: gap ${significant(gap)}, ${how}`)
  return `${colors.green('optimal')}, proved ${how}: gap ${significant(gap, 2)} within rounding (${significant(roundingBound, 2)})`
}

function unmatched({ unmatchedA, unmatchedB, unfoldableA, unfoldableB, provenance }: PairOutcome['match']): string {
  const parts: string[] = []
  const alone = (count: number, side: string) => count > 0 && parts.push(`${whole(count)} of ${side} without a partner`)
  alone(unmatchedA.length, 'A')
  alone(unmatchedB.length, 'B')
  const excluded = unfoldableA.length + unfoldableB.length
  if (excluded > 0 && provenance.unfoldable === 'exclude') parts.push(`${whole(excluded)} left out`)
  return parts.map((part) => `, ${part}`).join('')
}

function timings({ load, fold, cost, solve, verify, write, total }: PairOutcome['milliseconds']): string {
  const parts = Object.entries({ load, fold, cost, solve, verify, write }).map(
    ([name, time]) => `${name} ${duration(time)}`,
  )
  return `${duration(total)}: ${parts.join(', ')}`
}
