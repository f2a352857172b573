/** How a number is shown to people; files have all its digits. */
export type CellFormat = 'text' | 'whole' | 'decimals' | 'percent' | 'comparable' | 'significant'

/** A column of a figure. */
export interface FigureColumn {
  /** In JSON; in csv with underscores. */
  readonly name: string
  /** On a terminal. */
  readonly title: string
  readonly format: CellFormat
}

/** What is not known is null. */
export type FigureCell = string | number | null

/** Lines over a common axis, one chart for each panel. */
export interface LineChart {
  readonly x: string
  readonly panels: readonly {
    readonly title: string
    readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[]
  }[]
}

/** A figure of the paper as a table, and how to draw it. */
export interface Figure {
  readonly name: string
  /** Figures of arXiv 2410.07656 that it stands for. */
  readonly paper: string
  readonly title: string
  readonly columns: readonly FigureColumn[]
  readonly rows: readonly (readonly FigureCell[])[]
  /** What the columns are, for people. */
  readonly note: string
  readonly chart: LineChart
}

/** Rows of a figure as objects, by the names of its columns. */
export function figureRecords({ columns, rows }: Figure): Record<string, FigureCell>[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, c) => [name, finite(row[c])])))
}

/** NaN is what could not be computed. */
function finite(cell: FigureCell): FigureCell {
  return typeof cell === 'number' && !Number.isFinite(cell) ? null : cell
}

/** Columns that say which pair a row is about. */
export const pairColumns: readonly FigureColumn[] = [
  { name: 'a', title: 'A', format: 'text' },
  { name: 'b', title: 'B', format: 'text' },
  { name: 'layerA', title: '', format: 'text' },
  { name: 'layerB', title: '', format: 'text' },
  { name: 'objective', title: 'match', format: 'text' },
]

/** A pair of a figure. */
export interface FigurePair {
  readonly a: string
  readonly b: string
  readonly layerA: number | null
  readonly layerB: number | null
  /** What was minimised: `folded`, `cosine decoder`, ... */
  readonly objective: string
}

/** The cells of {@link pairColumns}. */
export function pairCells({ a, b, layerA, layerB, objective }: FigurePair): FigureCell[] {
  return [a, b, layerA, layerB, objective]
}

/**
 * Lines by layer. Where pairs are of layers so many steps apart and of others, each number of steps has lines of its own;
 * a further pair of the same layers and name (another seed or width) stands on a line of its own, too.
 */
export function linesByLayer<T extends FigurePair>(
  pairs: readonly T[],
  value: (pair: T) => number | null | undefined,
  name: (pair: T) => string = ({ objective }) => objective,
): LineChart['panels'][number]['series'] {
  const placed = pairs.flatMap((pair) => {
    const { layerA, layerB } = pair
    return layerA === null || layerB === null ? [] : [{ pair, layerA, layerB }]
  })
  const layers = [...new Set(placed.flatMap(({ layerA, layerB }) => [layerA, layerB]))].sort((x, y) => x - y)
  const stepsOf = ({ layerA, layerB }: (typeof placed)[number]) => layers.indexOf(layerB) - layers.indexOf(layerA)
  const several = new Set(placed.map(stepsOf)).size > 1
  const lines = new Map<string, [number, number][]>()
  for (const place of placed) {
    const [x, y] = [place.layerA, value(place.pair)]
    if (typeof y !== 'number' || !Number.isFinite(y)) continue
    const plain = several ? `${name(place.pair)}, ${stepsText(stepsOf(place))}` : name(place.pair)
    const isTaken = (title: string) => lines.get(title)?.some(([taken]) => taken === x) === true
    let title = plain
    for (let k = 2; isTaken(title); k++) title = `${plain} (${k})`
    lines.set(title, [...(lines.get(title) ?? []), [x, y]])
  }
  return [...lines].map(([title, points]) => ({ name: title, points: points.sort(([x], [y]) => x - y) }))
}

function stepsText(steps: number): string {
  return Math.abs(steps) === 1 ? `${steps} step` : `${steps} steps`
}
