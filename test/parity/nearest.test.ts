import { expect, it } from 'vitest'
import { describeBackendsOverRows } from '../helpers/backends.js'
import { allPairs, makeRows } from '../helpers/feature-rows.js'

describeBackendsOverRows('nearest rows', (backend) => {
  it.each([
    { n: 1, m: 1 },
    { n: 40, m: 57 },
    { n: 130, m: 31 },
    { n: 60, m: 700 },
  ])('$n x $m: those of a plain search, ties to the lower index', async ({ n, m }) => {
    // A third of the rows is zero on both sides: equal costs by the dozen.
    const [a, b] = [makeRows(n, 1), makeRows(m, 2)]
    const parts = await backend().pairCosts(a, b, ...allPairs(n, m))
    const costs = Array.from({ length: n }, (_, i) =>
      Array.from({ length: m }, (_, j) => ({ j, cost: parts[2 * (i * m + j)] + parts[2 * (i * m + j) + 1] })),
    )
    for (const row of costs) row.sort((x, y) => x.cost - y.cost || x.j - y.j)
    for (const count of new Set([1, Math.min(5, m), m])) {
      const { index, cost } = await backend().nearestRows(a, b, count, {})
      const expected = costs.flatMap((row) => row.slice(0, count))
      expect([...index]).toEqual(expected.map(({ j }) => j))
      expect([...cost]).toEqual(expected.map((pair) => pair.cost))
    }
  })

  it('may be asked for none, by none', async () => {
    const [none, some] = [makeRows(0, 7), makeRows(5, 8)]
    const nothing = { index: new Int32Array(), cost: new Float64Array(), backend: backend().name }
    expect(await backend().nearestRows(some, none, 0, {})).toEqual(nothing)
    expect(await backend().nearestRows(none, some, 3, {})).toEqual(nothing)
  })

  it('stop when they are told to and say how far they are', async () => {
    const [a, b] = [makeRows(300, 1), makeRows(300, 2)]
    const reason = new Error('no longer needed')
    await expect(backend().nearestRows(a, b, 3, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const told: number[] = []
    await backend().nearestRows(a, b, 3, { onProgress: ({ done, total }) => told.push(done / total) })
    expect(told.at(-1)).toBe(1)
  })
})
