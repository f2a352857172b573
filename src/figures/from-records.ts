import type { MeanScores } from '../matching/score.js'
import { quantileLevels } from '../matching/statistics.js'
import type { RunPair } from '../runs/read-run.js'
import { type Figure, type FigureColumn, type FigurePair, linesByLayer, pairCells, pairColumns } from './figure.js'
import { objectiveName } from './objective-name.js'

/** A pair of a run, for figures that its record is enough for. */
export interface RecordedPair extends FigurePair {
  readonly record: RunPair['record']
}

/** A pair of a run as figures take it. */
export function recordedPair({ a, b, record }: RunPair): RecordedPair {
  return {
    a: a.name,
    b: b.name,
    layerA: a.layer,
    layerB: b.layer,
    objective: objectiveName(record.options),
    record,
  }
}

const methods = [
  ['matched', 'the match'],
  ['unfolded', 'unfolded match'],
  ['cosine', 'cosine match'],
  ['identity', 'identity'],
  ['random', 'random'],
  ['nearest', 'nearest, many-to-one'],
] as const

const parts = ['total', 'decoder', 'encoder', 'bias'] as const

/** Figure 3: the folded objective and its parts by layer, of the match and of what it is held against. */
export function objectiveFigure(pairs: readonly RecordedPair[]): Figure {
  const scored = pairs.flatMap((pair) =>
    methods.flatMap(([method, title]) => {
      const scores: MeanScores | undefined = pair.record.summary[method]
      return scores === undefined ? [] : [{ ...pair, method, title: `${pair.objective}: ${title}`, scores }]
    }),
  )
  const column = (name: (typeof parts)[number], title: string): FigureColumn => ({ name, title, format: 'comparable' })
  return {
    name: 'objective',
    paper: '3',
    title: 'objective and its parts by layer',
    columns: [
      ...pairColumns,
      { name: 'method', title: 'pairs of', format: 'text' },
      column('total', 'objective'),
      ...parts.slice(1).map((part) => column(part, `${part} MSE`)),
    ],
    rows: scored.map((row) => [...pairCells(row), row.method, ...parts.map((part) => row.scores[part])]),
    note: 'Means over the pairs, in folded weights wherever both SAEs have thresholds, whatever the match looked at. --baselines all adds the unfolded and the cosine match.',
    chart: {
      x: 'layer of A',
      panels: parts.map((part) => ({
        title: part === 'total' ? 'objective' : `${part} MSE`,
        series: linesByLayer(
          scored,
          ({ scores }) => scores[part],
          ({ title }) => title,
        ),
      })),
    },
  }
}

/** What the distribution of a pair may be of. */
export const distributionNames = [
  'decoder',
  'encoder',
  'bias',
  'cost',
  'cosineDecoder',
  'cosineEncoder',
  'confidence',
] as const
/** One of {@link distributionNames}. */
export type DistributionName = (typeof distributionNames)[number]

/** Figures 5 and 6 in numbers: quantiles of what the pairs cost. */
export function costsFigure(pairs: readonly RecordedPair[], of: DistributionName): Figure {
  const known = pairs.filter(({ record }) => record.distributions[of] !== undefined)
  return {
    name: 'costs',
    paper: '5, 6',
    title: `quantiles of ${titles[of]}`,
    columns: [
      ...pairColumns,
      { name: 'of', title: 'of', format: 'text' },
      { name: 'count', title: 'pairs', format: 'whole' },
      { name: 'mean', title: 'mean', format: 'comparable' },
      ...quantileLevels.map(
        (level): FigureColumn => ({ name: `q${level}`, title: `${100 * level} %`, format: 'comparable' }),
      ),
    ],
    rows: known.map((pair) => {
      const { count, mean, quantiles } = pair.record.distributions[of]
      return [...pairCells(pair), of, count, mean, ...quantiles]
    }),
    note: 'A mean says little where a few features carry most of it. sae-match figures histogram has the bins.',
    chart: {
      x: 'share of the pairs',
      panels: [
        {
          title: titles[of],
          series: known.map((pair) => ({
            name: pairTitle(pair, known),
            points: quantileLevels.map((level, q) => [level, pair.record.distributions[of].quantiles[q]] as const),
          })),
        },
      ],
    },
  }
}

/** Figures 5 and 6: histograms of what the pairs cost. */
export function histogramFigure(pairs: readonly RecordedPair[], of: DistributionName): Figure {
  const known = pairs.filter(({ record }) => record.distributions[of] !== undefined)
  return {
    name: 'histogram',
    paper: '5, 6',
    title: `histogram of ${titles[of]}`,
    columns: [
      ...pairColumns,
      { name: 'of', title: 'of', format: 'text' },
      { name: 'from', title: 'from', format: 'significant' },
      { name: 'to', title: 'to', format: 'significant' },
      { name: 'count', title: 'pairs', format: 'whole' },
    ],
    rows: known.flatMap((pair) => {
      const { edges, counts } = pair.record.distributions[of].histogram
      return counts.map((count, bin) => [...pairCells(pair), of, edges[bin], edges[bin + 1], count])
    }),
    note: 'Bins of costs are of equal width in the logarithm, after a first one from 0; each includes its lower edge.',
    chart: {
      x: titles[of],
      panels: known.map((pair) => ({
        title: pairTitle(pair, known),
        series: [outline(pair.record.distributions[of].histogram)],
      })),
    },
  }
}

const titles: Readonly<Record<DistributionName, string>> = {
  decoder: 'decoder MSE',
  encoder: 'encoder MSE',
  bias: 'bias MSE',
  cost: 'cost in the scale of the match',
  cosineDecoder: 'decoder cosine',
  cosineEncoder: 'encoder cosine',
  confidence: 'confidence',
}

function pairTitle({ a, b, objective }: FigurePair, among: readonly FigurePair[]): string {
  const several = new Set(among.map((pair) => pair.objective)).size > 1
  return `${a} → ${b}${several ? `, ${objective}` : ''}`
}

/** The steps of a histogram as a line. */
function outline({ edges, counts }: { readonly edges: readonly number[]; readonly counts: readonly number[] }) {
  return {
    name: 'pairs',
    points: counts.flatMap((count, bin) => [[edges[bin], count] as const, [edges[bin + 1], count] as const]),
  }
}
