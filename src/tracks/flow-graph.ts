import { wrongValue } from '../errors.js'
import { checkSteps, layerSizes, type MatchStep } from './step.js'

/** Of flow graphs as files; raised when a reader of an older one would go wrong. */
export const flowGraphSchemaVersion = 1

/** Features of layers as nodes, pairs of consecutive layers as edges: plain values, ready for `JSON.stringify`. */
export interface FlowGraph {
  readonly schemaVersion: number
  readonly layers: readonly {
    readonly name: string
    /** The number of the layer in its model, null where it is unknown. */
    readonly layer: number | null
    /** All features of the layer, also those without an edge. */
    readonly features: number
  }[]
  /** Only features with an edge, by layer, then by feature. */
  readonly nodes: readonly {
    /** Place in `layers`. */
    readonly layer: number
    readonly feature: number
  }[]
  readonly edges: readonly {
    /** Place in `nodes`. */
    readonly source: number
    readonly target: number
    /** What the match minimised, in its scale. */
    readonly cost: number
    /** Of the two decoder rows; null where it is not defined. */
    readonly cosine: number | null
  }[]
}

/**
 * The graph of all pairs, from each layer to the next; `cutSteps` leaves out those below a threshold.
 *
 * @param layers [L] what the layers are called
 * @param steps [L - 1] the matches of each layer with the next
 * @throws TypeError or RangeError for steps that do not follow one another
 */
export function flowGraph(
  layers: readonly { readonly name: string; readonly layer: number | null }[],
  steps: readonly MatchStep[],
): FlowGraph {
  checkSteps(steps)
  const sizes = layerSizes(steps)
  if (layers.length !== sizes.length) throw wrongValue('layers', `${sizes.length} layers`, layers)
  const used = [...sizes].map((size) => new Uint8Array(size))
  for (const [k, { aToB }] of steps.entries()) {
    for (const [i, j] of aToB.entries()) if (j !== -1) used[k][i] = used[k + 1][j] = 1
  }
  const nodes: FlowGraph['nodes'][number][] = []
  const nodeOf = used.map((flags, layer) =>
    Int32Array.from(flags, (flag, feature) => (flag === 0 ? -1 : nodes.push({ layer, feature }) - 1)),
  )
  const edges: FlowGraph['edges'][number][] = []
  for (const [k, { aToB, cost, cosine }] of steps.entries()) {
    for (const [i, j] of aToB.entries()) {
      if (j === -1) continue
      const alike = Number.isNaN(cosine[i]) ? null : cosine[i]
      edges.push({ source: nodeOf[k][i], target: nodeOf[k + 1][j], cost: cost[i], cosine: alike })
    }
  }
  return {
    schemaVersion: flowGraphSchemaVersion,
    layers: layers.map(({ name, layer }, k) => ({ name, layer, features: sizes[k] })),
    nodes,
    edges,
  }
}
