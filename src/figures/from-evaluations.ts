import type { Evaluation } from '../evaluation/evaluate.js'
import { type MethodName, methodScores } from '../evaluation/methods.js'
import { type Figure, type FigureColumn, type FigurePair, linesByLayer, pairCells, pairColumns } from './figure.js'

/** A pair that was evaluated on activations, for figures. */
export interface EvaluatedFigurePair extends FigurePair {
  readonly evaluation: Evaluation
  /**
   * Changes of the model's loss in nats per token, by method as {@link methodScores} names it, measured in the model's host
   * with the approximated hidden states in place; null where none were read.
   */
  readonly losses: ReadonlyMap<string, number> | null
}

const evColumn: FigureColumn = { name: 'explainedVariance', title: 'EV', format: 'decimals' }
const evVarColumn: FigureColumn = { name: 'evVar', title: 'EV, offset free', format: 'decimals' }
const lossColumn: FigureColumn = { name: 'deltaLoss', title: 'Δ loss', format: 'decimals' }

/** Figures 10 and 11: explained variance (and the change of the loss, where it was measured) by layer. */
export function explainedVarianceFigure(pairs: readonly EvaluatedFigurePair[]): Figure {
  const rows = pairs.flatMap((pair) =>
    methodScores(pair.evaluation).map(({ name, scores }) => ({
      ...pair,
      method: name,
      fidelity: scores,
      loss: pair.losses?.get(name) ?? null,
    })),
  )
  const several = new Set(pairs.map(({ objective }) => objective)).size > 1
  const line = ({ method, objective }: (typeof rows)[number]) =>
    several && method === 'matched' ? `${objective} match` : method.replaceAll('_', ' ')
  const measured = pairs.some(({ losses }) => losses !== null)
  return {
    name: 'ev',
    paper: '10, 11',
    title: 'explained variance of the hidden state at B, by layer',
    columns: [
      ...pairColumns,
      { name: 'method', title: 'hidden state from', format: 'text' },
      evColumn,
      evVarColumn,
      ...(measured ? [lossColumn] : []),
    ],
    rows: rows.map((row) => [
      ...pairCells(row),
      row.method,
      row.fidelity.explainedVariance,
      row.fidelity.evVar,
      ...(measured ? [row.loss] : []),
    ]),
    note: 'matched: A encoded, moved to the partners, decoded by B. encode_decode_previous (A by A) is what it has to pass, encode_decode_current (B by B) the ceiling, layer_drop the hidden state at A as it is. EV is offset free in the curves of the paper.',
    chart: {
      x: 'layer of A',
      panels: [
        { title: 'explained variance', series: linesByLayer(rows, ({ fidelity }) => fidelity.explainedVariance, line) },
        {
          title: 'explained variance, offset free',
          series: linesByLayer(rows, ({ fidelity }) => fidelity.evVar, line),
        },
        ...(measured ? [{ title: 'change of the loss', series: linesByLayer(rows, ({ loss }) => loss, line) }] : []),
      ],
    },
  }
}

/** Figures 7 and 12: how often the two features of a pair are active together, by layer and by objective. */
export function scoreFigure(pairs: readonly EvaluatedFigurePair[]): Figure {
  return {
    name: 'score',
    paper: '7, 12',
    title: 'matching score by layer and objective',
    columns: [
      ...pairColumns,
      { name: 'matchingScore', title: 'P(B|A)', format: 'decimals' },
      { name: 'macroAGivenB', title: 'P(A|B)', format: 'decimals' },
      { name: 'macroJaccard', title: 'Jaccard', format: 'decimals' },
      { name: 'support', title: 'pairs', format: 'whole' },
      { name: 'nearest', title: 'nearest', format: 'decimals' },
      { name: 'random', title: 'random', format: 'decimals' },
    ],
    rows: pairs.map((pair) => {
      const { matched, baselines } = pair.evaluation
      return [
        ...pairCells(pair),
        ...[matched.matchingScore, matched.macroAGivenB, matched.macroJaccard, matched.support.bGivenA],
        ...[baselines.nearest?.matchingScore ?? null, baselines.random.matchingScore],
      ]
    }),
    note: 'P(B|A): mean over the pairs of how often the partner is active where the feature of A is; nearest and random: the same of other partners. Features that are never active are not in the mean.',
    chart: {
      x: 'layer of A',
      panels: [
        {
          title: 'P(B|A)',
          series: [
            ...linesByLayer(pairs, ({ evaluation }) => evaluation.matched.matchingScore),
            ...linesByLayer(
              pairs,
              ({ evaluation }) => evaluation.baselines.random.matchingScore,
              () => 'random',
            ),
          ],
        },
      ],
    },
  }
}

/** Figure 14: explained variance by sparsity. */
export function sparsityFigure(pairs: readonly EvaluatedFigurePair[]): Figure {
  const sorted = pairs.toSorted((x, y) => x.evaluation.l0.a + x.evaluation.l0.b - y.evaluation.l0.a - y.evaluation.l0.b)
  const shown = ['matched', 'encode_decode_previous', 'encode_decode_current', 'layer_drop'] as const
  const ev = ({ evaluation }: EvaluatedFigurePair, method: MethodName) =>
    methodScores(evaluation).find(({ name }) => name === method)?.scores.explainedVariance ?? null
  const measured = pairs.some(({ losses }) => losses !== null)
  return {
    name: 'sparsity',
    paper: '14',
    title: 'explained variance by sparsity',
    columns: [
      ...pairColumns,
      { name: 'l0A', title: 'L0 of A', format: 'decimals' },
      { name: 'l0B', title: 'L0 of B', format: 'decimals' },
      { name: 'matched', title: 'EV matched', format: 'decimals' },
      { name: 'encodeDecodePrevious', title: 'A by A', format: 'decimals' },
      { name: 'encodeDecodeCurrent', title: 'B by B', format: 'decimals' },
      { name: 'layerDrop', title: 'A as it is', format: 'decimals' },
      ...(measured ? [lossColumn] : []),
    ],
    rows: sorted.map((pair) => [
      ...pairCells(pair),
      ...[pair.evaluation.l0.a, pair.evaluation.l0.b, ...shown.map((method) => ev(pair, method))],
      ...(measured ? [pair.losses?.get('matched') ?? null] : []),
    ]),
    note: 'L0: mean number of active features of a token, measured on these activations.',
    chart: {
      x: 'mean L0 of A and B',
      panels: [
        {
          title: 'explained variance',
          series: shown.map((method) => ({
            name: method.replaceAll('_', ' '),
            points: sorted.flatMap((pair) => {
              const y = ev(pair, method)
              return y === null ? [] : [[(pair.evaluation.l0.a + pair.evaluation.l0.b) / 2, y] as const]
            }),
          })),
        },
      ],
    },
  }
}

/** Figures 16 and 17: only the closest pairs go through B's decoder. */
export function quantilesFigure(pairs: readonly EvaluatedFigurePair[]): Figure {
  const levels = [...new Set(pairs.flatMap(({ evaluation }) => evaluation.quantiles.map(({ quantile }) => quantile)))]
  const at = (level: number) => (pair: EvaluatedFigurePair) =>
    pair.evaluation.quantiles.find(({ quantile }) => quantile === level)?.explainedVariance
  return {
    name: 'quantiles',
    paper: '16, 17',
    title: 'explained variance by the share of pairs that go through B',
    columns: [
      ...pairColumns,
      { name: 'quantile', title: 'closest', format: 'percent' },
      { name: 'features', title: 'features', format: 'whole' },
      evColumn,
      evVarColumn,
    ],
    rows: pairs.flatMap((pair) =>
      pair.evaluation.quantiles.map(({ quantile, features, explainedVariance, evVar }) => [
        ...pairCells(pair),
        ...[quantile, features, explainedVariance, evVar],
      ]),
    ),
    note: "The closest pairs by folded decoder distance go through B's decoder, all other features through A's own; the bias is B's.",
    chart: {
      x: 'layer of A',
      panels: [
        {
          title: 'explained variance',
          series: levels.flatMap((level) =>
            linesByLayer(pairs, at(level), ({ objective }) => `${objective}, q = ${level}`),
          ),
        },
      ],
    },
  }
}
