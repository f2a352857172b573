import { describe, expect, it } from 'vitest'
import { cutSteps } from '../../src/tracks/cut.js'
import { flowGraph } from '../../src/tracks/flow-graph.js'
import { handStep, randomSteps } from './steps.js'

const layers = [
  { name: 'a', layer: 10 },
  { name: 'b', layer: 11 },
  { name: 'c', layer: null },
]

describe('flowGraph', () => {
  it('has the features with an edge as nodes, and the pairs as edges', () => {
    const graph = flowGraph(layers, [
      handStep([1, -1], 3, { cost: Float64Array.of(5, Number.NaN), cosine: Float64Array.of(0.5, Number.NaN) }),
      handStep([-1, 0, 1], 2, { cost: Float64Array.of(0, 6, 7), cosine: Float64Array.of(0, Number.NaN, 0.25) }),
    ])
    expect(graph).toEqual({
      schemaVersion: 1,
      layers: [
        { name: 'a', layer: 10, features: 2 },
        { name: 'b', layer: 11, features: 3 },
        { name: 'c', layer: null, features: 2 },
      ],
      nodes: [
        { layer: 0, feature: 0 },
        { layer: 1, feature: 1 },
        { layer: 1, feature: 2 },
        { layer: 2, feature: 0 },
        { layer: 2, feature: 1 },
      ],
      edges: [
        { source: 0, target: 1, cost: 5, cosine: 0.5 },
        { source: 1, target: 3, cost: 6, cosine: null },
        { source: 2, target: 4, cost: 7, cosine: 0.25 },
      ],
    })
    expect(JSON.parse(JSON.stringify(graph))).toEqual(graph)
  })

  it.each([1, 2, 3])('has an edge for each pair above the threshold (seed %i)', (seed) => {
    const steps = randomSteps([20, 30, 25], seed)
    const { nodes, edges } = flowGraph(layers, cutSteps(steps, { cosine: 0.6 }))
    const drawn = edges.map(({ source, target }) => [
      nodes[source].layer,
      nodes[source].feature,
      nodes[target].layer,
      nodes[target].feature,
    ])
    const expected = steps.flatMap(({ aToB, cosine }, k) =>
      [...aToB.entries()].filter(([i, j]) => j !== -1 && cosine[i] >= 0.6).map(([i, j]) => [k, i, k + 1, j]),
    )
    expect(expected.length).toBeGreaterThan(0)
    expect(drawn).toEqual(expected)
    const used = new Set(edges.flatMap(({ source, target }) => [source, target]))
    expect(used.size).toBe(nodes.length)
  })

  it('wants a name for every layer', () => {
    expect(() => flowGraph(layers, [handStep([0], 1)])).toThrow('Expected 2 layers for `layers`')
  })
})
