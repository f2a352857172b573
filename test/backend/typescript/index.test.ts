import { describe, expect, it } from 'vitest'
import type { Problem, Progress } from '../../../src/backend/backend.js'
import { createTypescriptBackend } from '../../../src/backend/typescript/index.js'
import type { Rows } from '../../../src/sae/rows.js'
import { rowMajor, transpose } from '../../../src/tensor/matrix.js'
import { matrixProblem } from '../../helpers/addon.js'
import { mulberry32 } from '../../helpers/random.js'

// From TypeScript sources there are no worker threads: everything runs here, in turns. See workers.test.ts.
const backend = createTypescriptBackend({ threads: 4 })

function features(count: number, width: number, seed: number): Rows {
  const random = mulberry32(seed)
  const data = Float32Array.from({ length: count * width }, () => random() - 0.5)
  return {
    blocks: [{ name: 'features', matrix: rowMajor(data, 'f32', count, width), scale: null }],
    count,
    width,
    index: null,
  }
}

function rowProblem(a: Rows, b: Rows, more: Partial<Problem> = {}): Problem {
  return {
    costs: { kind: 'rows', a, b, source: 'auto', memoryBudget: 4e9 },
    maximize: false,
    unmatchedCost: Infinity,
    solver: 'shortlist',
    neighbours: false,
    verify: 'full',
    ...more,
  }
}

describe('createTypescriptBackend', () => {
  it('says what it is', () => {
    expect(backend).toMatchObject({
      name: 'typescript',
      simd: null,
      threads: 1,
      solvers: ['jv', 'shortlist', 'greedy'],
    })
  })

  it('reports progress of phases in order, to their end', async () => {
    const seen: Progress[] = []
    await backend.solve(rowProblem(features(150, 20, 1), features(120, 20, 2)), {
      onProgress: (progress) => seen.push(progress),
    })
    const phases = [...new Set(seen.map(({ phase }) => phase))]
    expect(phases).toEqual(['cost', 'solve', 'verify'])
    for (const phase of phases) {
      const done = seen.filter((progress) => progress.phase === phase)
      expect(done.map((progress) => progress.done)).toEqual(done.map((progress) => progress.done).sort((x, y) => x - y))
      expect(done.at(-1)?.done).toBe(done.at(-1)?.total)
    }
    expect(seen.map(({ phase }) => phases.indexOf(phase))).toEqual(
      seen.map(({ phase }) => phases.indexOf(phase)).sort((x, y) => x - y),
    )
  })

  it.each(['jv', 'shortlist', 'greedy'] as const)('cancels %s and keeps the event loop running', async (solver) => {
    const n = 1400
    const costs = Float64Array.from({ length: n * n }, (_, e) => (Math.floor(e / n) + 1) * ((e % n) + 1))
    const controller = new AbortController()
    const reason = new Error('no longer needed')
    let turns = 0
    const timer = setInterval(() => ++turns === 3 && controller.abort(reason), 1)
    const start = performance.now()
    const solving = backend.solve(matrixProblem(costs, n, n, { solver }), { signal: controller.signal })
    await expect(solving).rejects.toBe(reason)
    clearInterval(timer)
    expect(turns).toBeGreaterThanOrEqual(3)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('cancels the reading and multiplying of rows', async () => {
    for (const source of ['dense', 'implicit'] as const) {
      const rows = features(1500, 300, 1)
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('stop')), 30)
      const solving = backend.solve(
        rowProblem(rows, rows, { costs: { kind: 'rows', a: rows, b: rows, source, memoryBudget: 4e9 } }),
        { signal: controller.signal },
      )
      await expect(solving).rejects.toThrow('stop')
    }
  })

  it('scores pairs in turns with the event loop, until told to stop', async () => {
    const n = 1500
    const width = 400
    const data = Float32Array.from({ length: n * width }, (_, e) => (e % 17) - 8)
    const rows: Rows = {
      blocks: [{ name: 'encoder', matrix: transpose(rowMajor(data, 'f32', width, n)), scale: null }],
      count: n,
      width,
      index: null,
    }
    const order = Int32Array.from({ length: 20 * n }, (_, p) => (p * 7) % n)
    for (const start of [
      (signal?: AbortSignal) => backend.pairCosts(rows, rows, order, order, { signal }),
      (signal?: AbortSignal) => backend.squaredBlockNorms({ ...rows, index: order, count: order.length }, { signal }),
    ]) {
      const controller = new AbortController()
      let turns = 0
      const timer = setInterval(() => ++turns === 2 && controller.abort(new Error('stop')), 1)
      await expect(start(controller.signal)).rejects.toThrow('stop')
      clearInterval(timer)
      expect(turns).toBeGreaterThanOrEqual(2)
    }
  })

  it('chooses the source by the memory budget', async () => {
    const [a, b] = [features(40, 5, 1), features(50, 5, 2)]
    const sourceWith = async (memoryBudget: number) => {
      const costs = { kind: 'rows' as const, a, b, source: 'auto' as const, memoryBudget }
      return (await backend.solve(rowProblem(a, b, { costs }), {})).source
    }
    expect(await sourceWith(8 * 40 * 50)).toBe('dense')
    expect(await sourceWith(8 * 40 * 50 - 1)).toBe('implicit')
  })

  it('uses the shared memory of a finished job for the next, whose answer does not depend on it', async () => {
    const problems = [1, 2, 3].map((seed) => rowProblem(features(250, 40, seed), features(300, 40, seed + 10)))
    const costs = []
    for (const problem of problems) costs.push((await backend.solve(problem, {})).cost)
    const Shared = SharedArrayBuffer
    let allocated = 0
    const counting = class extends Shared {
      constructor(bytes: number) {
        super(bytes)
        allocated += bytes
      }
    }
    globalThis.SharedArrayBuffer = counting as never
    try {
      for (let round = 0; round < 4; round++) {
        for (const [p, problem] of problems.entries()) {
          expect((await backend.solve(problem, {})).cost).toBe(costs[p])
          expect(backend.solveSync(problem).cost).toBe(costs[p])
        }
      }
    } finally {
      globalThis.SharedArrayBuffer = Shared
    }
    // One cost matrix alone; 24 jobs would take more than 24 of them.
    expect(allocated).toBeLessThan(8 * 250 * 300)
  })

  it('takes a copy of what it solves in turns', async () => {
    const costs = Float64Array.of(1, 5, 5, 1)
    const solving = backend.solve(matrixProblem(costs, 2, 2), {})
    costs.fill(0)
    expect((await solving).cost).toBe(2)
  })

  it('refuses memory that is gone or may change its length', async () => {
    const gone = new Float64Array(4)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    await expect(backend.solve(matrixProblem(gone, 2, 2), {})).rejects.toMatchObject({ code: 'INPUT_DETACHED' })
    const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer
    const elastic = new Float64Array(new Resizable(32, { maxByteLength: 64 }))
    await expect(backend.solve(matrixProblem(elastic, 2, 2), {})).rejects.toThrow('fixed length')
    expect(backend.solveSync(matrixProblem(elastic, 2, 2)).cost).toBe(0)
  })

  it('refuses rows whose distances leave the range of f64', async () => {
    const [a, b] = [features(3, 4, 1), features(3, 4, 2)]
    for (const bad of [Number.NaN, Infinity, 3e38]) {
      const broken = {
        ...a,
        blocks: a.blocks.map((block) => ({ ...block, scale: Float64Array.of(1, bad * 1e120, 1) })),
      }
      await expect(backend.solve(rowProblem(broken, b), {})).rejects.toMatchObject({ code: 'COST_RANGE' })
    }
  })

  it('forms the cost matrix in f32, rounded once', async () => {
    const [a, b] = [features(30, 17, 3), features(50, 17, 4)]
    const matrix = await backend.costMatrix(a, b, {})
    const pairs = Int32Array.from({ length: 1500 }, (_, e) => e)
    const exact = await backend.pairCosts(
      a,
      b,
      pairs.map((e) => Math.floor(e / 50)),
      pairs.map((e) => e % 50),
    )
    exact.forEach((cost, e) => {
      expect(Math.abs(matrix[e] - cost)).toBeLessThanOrEqual(2 ** -24 * 1.001 * cost)
    })
    const identical = await backend.costMatrix(a, a, {})
    for (let i = 0; i < 30; i++) expect(identical[i * 30 + i]).toBeGreaterThanOrEqual(0)
  })
})
