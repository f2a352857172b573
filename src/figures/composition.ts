import type { Backend } from '../backend/backend.js'
import { compose } from '../matching/compose.js'
import { randomMatching } from '../matching/random-matching.js'
import { pairCosines, scorePairs } from '../matching/score.js'
import { openScoring, openSides } from '../matching/sides.js'
import { quantiles } from '../matching/statistics.js'
import { weightPresets } from '../sae/rows.js'
import type { Sae } from '../sae/sae.js'
import { agreement } from '../tracks/composition.js'
import type { Figure } from './figure.js'

/** A layer of a run, in its order. */
export interface FigureLayer {
  readonly name: string
  readonly layer: number | null
}

/** What the figure needs of a run. */
export interface CompositionSource {
  readonly layers: readonly FigureLayer[]
  /** Partners of the step from layer k to layer k + 1. */
  readonly steps: readonly Int32Array[]
  /** Partners of the direct match from one layer to another, null where the run has none. */
  readonly direct: (from: number, to: number) => Promise<Int32Array | null>
  /** Has both SAEs in memory while `use` runs. */
  readonly withSaes: <T>(from: number, to: number, use: (a: Sae, b: Sae) => Promise<T>) => Promise<T>
}

/** Every path of consecutive layers by its ends, in the order in which the figure looks at them. */
export function pathsOf(layers: number): { readonly from: number; readonly to: number }[] {
  return Array.from({ length: layers }, (_, from) => from).flatMap((from) =>
    Array.from({ length: layers - from - 1 }, (_, k) => ({ from, to: from + 1 + k })),
  )
}

/** Figure 8: pairs of the composed match beside those of the direct one, by distance from each layer. */
export async function compositionFigure(
  { layers, steps, direct, withSaes }: CompositionSource,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Figure> {
  const rows: Row[] = []
  let composed: Int32Array = new Int32Array()
  for (const { from, to } of pathsOf(layers.length)) {
    signal?.throwIfAborted()
    composed = to === from + 1 ? steps[from] : compose(composed, steps[to - 1])
    const reached = composed
    const straight = await direct(from, to)
    rows.push(
      await withSaes(from, to, async (a, b) => {
        const score = await scorer(a, b, backend, signal)
        return {
          from: layers[from],
          to: layers[to],
          distance: to - from,
          agreement: straight === null ? null : agreement(reached, straight).share,
          composed: await score(reached),
          direct: straight === null ? null : await score(straight),
          random: await score(randomMatching(a.encoder.rows, b.encoder.rows, 0)),
        }
      }),
    )
  }
  return figureOf(rows)
}

interface Score {
  /** Mean over the pairs, in folded weights wherever both SAEs have thresholds. */
  readonly objective: number
  /** Median and 0.9 quantile. */
  readonly cosine: readonly number[]
}

interface Row {
  readonly from: FigureLayer
  readonly to: FigureLayer
  readonly distance: number
  readonly agreement: number | null
  readonly composed: Score
  readonly direct: Score | null
  readonly random: Score
}

async function scorer(a: Sae, b: Sae, backend: Backend, signal: AbortSignal | undefined) {
  const foldable = a.threshold !== null && b.threshold !== null
  const settings = {
    scale: foldable ? 'fold' : 'unit',
    sign: 'same',
    alignment: null,
    dead: [null, null],
    weights: weightPresets.all,
    unfoldable: 'exclude',
  } as const
  const { scoring } = await openScoring(await openSides(a, b, settings, backend, signal), settings, backend, signal)
  return async (aToB: Int32Array): Promise<Score> => {
    const matched = Int32Array.from(aToB.keys()).filter((i) => aToB[i] >= 0)
    const pairs = { a: matched, b: matched.map((i) => aToB[i]) }
    const scores = await scorePairs(scoring, pairs)
    const known = (values: Float64Array) => values.filter((value) => !Number.isNaN(value)).sort()
    const total = known(scores.total)
    return {
      objective: total.reduce((x, y) => x + y, 0) / total.length,
      cosine: quantiles(known(pairCosines(scoring, pairs, scores).decoder), [0.5, 0.9]),
    }
  }
}

function figureOf(rows: readonly Row[]): Figure {
  const lines = (of: (row: Row) => number | null | undefined) => {
    const starts = [...new Set(rows.map(({ from }) => from.name))]
    return starts.map((name) => ({
      name: `from ${name}`,
      points: rows
        .filter((row) => row.from.name === name)
        .flatMap((row) => {
          const y = of(row)
          return typeof y === 'number' && Number.isFinite(y) ? [[row.distance, y] as const] : []
        }),
    }))
  }
  return {
    name: 'composition',
    paper: '8',
    title: 'composed and direct matches by distance',
    columns: [
      { name: 'a', title: 'from', format: 'text' },
      { name: 'b', title: 'to', format: 'text' },
      { name: 'layerA', title: '', format: 'text' },
      { name: 'layerB', title: '', format: 'text' },
      { name: 'distance', title: 'steps', format: 'whole' },
      { name: 'agreement', title: 'agreement', format: 'percent' },
      { name: 'composedObjective', title: 'objective composed', format: 'comparable' },
      { name: 'directObjective', title: 'direct', format: 'comparable' },
      { name: 'randomObjective', title: 'random', format: 'comparable' },
      { name: 'composedCosine', title: 'cosine composed', format: 'decimals' },
      { name: 'directCosine', title: 'direct', format: 'decimals' },
      { name: 'composedCosine90', title: 'upper tenth composed', format: 'decimals' },
      { name: 'directCosine90', title: 'direct', format: 'decimals' },
    ],
    rows: rows.map(({ from, to, distance, agreement: share, composed, direct, random }) => [
      ...[from.name, to.name, from.layer, to.layer, distance, share],
      ...[composed.objective, direct?.objective ?? null, random.objective],
      ...[composed.cosine[0], direct?.cosine[0] ?? null, composed.cosine[1], direct?.cosine[1] ?? null],
    ]),
    note: 'agreement: share of the features that the composed match sends where the direct one does; objective: mean over the pairs; cosine of the two decoders: median, and what the upper tenth exceeds. Longer direct matches come from sae-match pairs DIR --all.',
    chart: {
      x: 'steps',
      panels: [
        { title: 'agreement with the direct match', series: lines((row) => row.agreement) },
        { title: 'upper tenth of the decoder cosine, composed', series: lines(({ composed }) => composed.cosine[1]) },
        { title: 'upper tenth of the decoder cosine, direct', series: lines(({ direct }) => direct?.cosine[1]) },
      ],
    },
  }
}
