import type { Evaluation, PairingScores } from '../evaluation/evaluate.js'
import { type MethodName, type MethodScores, methodScores } from '../evaluation/methods.js'
import { type CsvCell, encodeCsv } from '../output/csv.js'
import { schemaVersion } from '../output/pair-files.js'
import { decimals, duration, whole } from './numbers.js'
import { type Column, renderTable, wrap } from './table.js'
import type { Colors } from './terminal.js'

/** A match that was evaluated. */
export interface EvaluatedPair {
  readonly a: string
  readonly b: string
  /** The names between A and B of a composed match. */
  readonly via: readonly string[]
  /** What its files are called. */
  readonly stem: string
  readonly layerA: number | null
  readonly layerB: number | null
  /** Number of pairs of features. */
  readonly matched: number
  readonly evaluation: Evaluation
  /** Changes of the model's loss by method, see `readLosses`; null where none were read. */
  readonly losses: ReadonlyMap<string, number> | null
  /** What was written. */
  readonly files: readonly string[]
}

/** One row of the table. */
interface ScoreRow {
  /** In csv. */
  readonly name: string
  /** On a terminal. */
  readonly title: string
  readonly quantile: number | null
  readonly scores: MethodScores['scores']
}

const titles: Readonly<Record<MethodName, string>> = {
  matched: 'A, matched',
  identity: 'A, identity',
  random: 'A, random',
  nearest: 'A, nearest',
  encode_decode_previous: "A's reconstruction of A",
  encode_decode_current: "B's reconstruction of B",
  layer_drop: 'A as it is',
}

const columns: readonly Column[] = [
  { title: 'hidden state at B from', align: 'left' },
  { title: 'EV', align: 'right' },
  { title: 'EV, offset free', align: 'right' },
  { title: 'EV by dimension', align: 'right' },
  { title: 'P(B|A)', align: 'right' },
  { title: 'P(A|B)', align: 'right' },
  { title: 'Jaccard', align: 'right' },
]

const lossColumn: Column = { title: 'Δ loss', align: 'right' }

const footnote =
  'EV: explained variance, 1 - FVU; offset free: a constant error costs nothing; by dimension: mean over dimensions. P(B|A): how often the partner is active where a feature of A is, P(A|B) the other way round, Jaccard both over either: means over the pairs.'

/** What a person wants to know about an evaluated match. */
export function renderEvaluation(pair: EvaluatedPair, colors: Colors, width: number): string {
  const { a, via, b, matched, evaluation, losses, files } = pair
  const { tokens, maskedTokens, scale, unmatched, l0, neverActive, milliseconds } = evaluation
  const rows = rowsOf(evaluation).map(({ name, title, scores }, row) => {
    const strong = row === 0 ? colors.bold : (text: string) => text
    const cell = (value: number | undefined) => strong(value === undefined ? '' : decimals(value, 3))
    const { explainedVariance, evVar, evDim, matchingScore, macroAGivenB, macroJaccard } = scores
    const numbers = [explainedVariance, evVar, evDim, matchingScore, macroAGivenB, macroJaccard]
    return [strong(title), ...numbers.map(cell), ...(losses === null ? [] : [cell(losses.get(name))])]
  })
  const masked = maskedTokens === 0 ? '' : ` (${whole(maskedTokens)} left out)`
  const facts = [
    `${whole(tokens)} tokens${masked}`,
    `${whole(matched)} pairs`,
    `scale ${scale}`,
    `unmatched ${unmatched}`,
    `L0 ${decimals(l0.a, 1)} and ${decimals(l0.b, 1)}`,
    `never active ${whole(neverActive.a)} and ${whole(neverActive.b)}`,
  ]
  const lines = [
    ...wrap(facts.join(', '), width - 2),
    '',
    ...renderTable(losses === null ? columns : [...columns, lossColumn], rows, colors.dim),
    '',
    ...wrap(footnote, width - 2).map(colors.dim),
    ...[duration(milliseconds), ...files].map(colors.dim),
  ]
  return [colors.bold([a, ...via, b].join(' → ')), ...lines.map((line) => `  ${line}`.trimEnd())].join('\n')
}

const scoreNames = [
  'explainedVariance',
  'fvu',
  'evVar',
  'fvuVar',
  'evDim',
  'matchingScore',
  'macroAGivenB',
  'macroJaccard',
  'microBGivenA',
  'microAGivenB',
  'microJaccard',
] as const satisfies readonly (keyof PairingScores)[]

/** One row for every pair and method; empty where a method has no such number. */
export function evaluationCsv(pairs: readonly EvaluatedPair[]): string {
  const header = [
    ...['schema_version', 'a', 'b', 'via', 'layer_a', 'layer_b', 'tokens', 'scale', 'unmatched', 'method', 'quantile'],
    ...scoreNames.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
    'delta_loss',
  ]
  const rows = pairs.flatMap(({ a, b, via, layerA, layerB, evaluation, losses }) =>
    rowsOf(evaluation).map(({ name, quantile, scores }): CsvCell[] => [
      ...[schemaVersion, a, b, via.join(' '), layerA, layerB],
      ...[evaluation.tokens, evaluation.scale, evaluation.unmatched, name, quantile],
      ...scoreNames.map((score) => scores[score] ?? null),
      losses?.get(name) ?? null,
    ]),
  )
  return encodeCsv(header, rows)
}

/** The match on top, then what it is held against, then the mixtures. */
function rowsOf(evaluation: Evaluation): ScoreRow[] {
  const { quantiles, seeds } = evaluation
  return [
    ...methodScores(evaluation).map(({ name, scores }) => ({
      name,
      title: name === 'random' && seeds.length > 1 ? `A, random (${seeds.length} seeds)` : titles[name],
      quantile: null,
      scores,
    })),
    ...quantiles.map((scores) => ({
      name: 'quantile',
      title: `closest ${decimals(100 * scores.quantile, 0)} % matched`,
      quantile: scores.quantile,
      scores,
    })),
  ]
}
