import { existsSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import type { Backend, Problem, Progress, Solution } from '../../../src/backend/backend.js'
import { createTypescriptBackend } from '../../../src/backend/typescript/index.js'
import type { Rows } from '../../../src/sae/rows.js'
import { rowMajor } from '../../../src/tensor/matrix.js'
import { matrixProblem, slowCosts } from '../../helpers/addon.js'
import { mulberry32 } from '../../helpers/random.js'

// Worker threads run the compiled files; `npm test` compiles them first.
const compiled = new URL('../../../dist/backend/typescript/index.js', import.meta.url)
const isCompiled = existsSync(compiled)
const { createTypescriptBackend: createWithWorkers } = isCompiled
  ? ((await import(compiled.href)) as { createTypescriptBackend: typeof createTypescriptBackend })
  : { createTypescriptBackend }
const whyNot = isCompiled ? '' : ' (skipped: dist is not built)'

/** Beyond what the calling thread would solve itself. */
const n = 2049

function uniform(buffer: ArrayBufferLike): Float32Array {
  const random = mulberry32(1)
  return new Float32Array(buffer).map(random)
}

function features(count: number, seed: number): Rows {
  const random = mulberry32(seed)
  const data = Float32Array.from({ length: count * 64 }, () => random() - 0.5)
  return {
    blocks: [{ name: 'features', matrix: rowMajor(data, 'f32', count, 64), scale: null }],
    count,
    width: 64,
    index: null,
  }
}

function rowProblem(a: Rows, b: Rows): Problem {
  return {
    ...matrixProblem(new Float64Array(0), 0, 0, { neighbours: true }),
    costs: { kind: 'rows', a, b, source: 'dense', memoryBudget: 4e9 },
  }
}

const withoutTimes = ({ milliseconds: _, ...rest }: Solution) => rest

describe.skipIf(!isCompiled)(`worker threads${whyNot}`, () => {
  const backends: Backend[] = [1, 3].map((threads) => createWithWorkers({ threads }))
  const [one, three] = backends
  afterAll(() => Promise.all(backends.map((backend) => backend.close())))

  it('give the same bits as the calling thread, whatever their number', async () => {
    expect(backends.map(({ threads }) => threads)).toEqual([1, 3])
    const here = createTypescriptBackend({ threads: 1 })
    const problem = rowProblem(features(300, 1), features(350, 2))
    const expected = withoutTimes(await here.solve(problem, {}))
    for (const backend of backends) expect(withoutTimes(await backend.solve(problem, {}))).toEqual(expected)
    const [a, b] = [features(100, 3), features(70, 4)]
    expect(await three.costMatrix(a, b, {})).toEqual(await here.costMatrix(a, b, {}))
  })

  it('solve a matrix off the event loop, shared or not, and leave it as it is', async () => {
    const costs = uniform(new ArrayBuffer(4 * n * n))
    const shared = uniform(new SharedArrayBuffer(4 * n * n))
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    const solutions = await Promise.all([costs, shared].map((data) => three.solve(matrixProblem(data, n, n), {})))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
    expect(costs).toHaveLength(n * n)
    expect(withoutTimes(solutions[0])).toEqual(withoutTimes(solutions[1]))
    expect(solutions[0].certificate).toMatchObject({ optimal: true, proof: 'full' })
  })

  it('report progress and stop when told, and work on afterwards', async () => {
    const reason = new Error('no longer needed')
    const controller = new AbortController()
    const seen: Progress[] = []
    const start = performance.now()
    const solving = one.solve(matrixProblem(slowCosts(n), n, n, { solver: 'jv' }), {
      signal: controller.signal,
      onProgress: (progress) => seen.push(progress),
    })
    setTimeout(() => controller.abort(reason), 300)
    await expect(solving).rejects.toBe(reason)
    expect(performance.now() - start).toBeLessThan(10_000)
    expect(seen.length).toBeGreaterThan(0)

    const failing = one.solve(matrixProblem(uniform(new ArrayBuffer(4 * n * n)), n, n), {
      onProgress: () => {
        throw new Error('display broke')
      },
    })
    await expect(failing).rejects.toThrow('display broke')

    const queued = [1, 2, 3].map((seed) => one.solve(rowProblem(features(60, seed), features(60, 9)), {}))
    for (const { certificate } of await Promise.all(queued)) expect(certificate.optimal).toBe(true)
  })

  it('do not keep a job waiting for a worker that it can do without', async () => {
    const backend = createWithWorkers({ threads: 2 })
    const long = new AbortController()
    let isRunning = true
    const running = backend
      .solve(matrixProblem(slowCosts(n), n, n, { solver: 'jv' }), { signal: long.signal })
      .catch(() => {})
      .finally(() => {
        isRunning = false
      })
    const solution = await backend.solve(rowProblem(features(60, 1), features(60, 2)), {})
    expect(solution.certificate.optimal).toBe(true)
    expect(isRunning).toBe(true)
    long.abort()
    await running
    await backend.close()
  })

  it('let go of a job that still waits for one when it is told to stop', async () => {
    const backend = createWithWorkers({ threads: 1 })
    const long = new AbortController()
    const running = backend.solve(matrixProblem(slowCosts(n), n, n, { solver: 'jv' }), { signal: long.signal })
    const stopped = expect(running).rejects.toThrow('enough')
    const order: string[] = []
    const note = (name: string) => () => order.push(name)
    running.catch(note('running'))

    const reason = new Error('no longer needed')
    const controller = new AbortController()
    const waiting = [
      backend.solve(matrixProblem(uniform(new ArrayBuffer(4 * n * n)), n, n), { signal: controller.signal }),
      backend.solve(rowProblem(features(60, 1), features(60, 2)), { signal: controller.signal }),
    ]
    setTimeout(() => controller.abort(reason), 100)
    for (const job of waiting) {
      job.catch(note('waiting'))
      await expect(job).rejects.toBe(reason)
    }
    long.abort(new Error('enough'))
    await stopped
    expect(order).toEqual(['waiting', 'waiting', 'running'])
    expect((await backend.solve(rowProblem(features(60, 1), features(60, 2)), {})).certificate.optimal).toBe(true)
    await backend.close()
  })

  it('pass typed errors on', async () => {
    const costs = uniform(new ArrayBuffer(4 * n * n))
    costs[5 * n + 7] = Number.NaN
    await expect(one.solve(matrixProblem(costs, n, n), {})).rejects.toMatchObject({
      code: 'COST_NAN',
      message: expect.stringContaining('row 5, column 7'),
    })
    costs.fill(Infinity, 5 * n, 6 * n)
    await expect(one.solve(matrixProblem(costs, n, n), {})).rejects.toMatchObject({
      code: 'INFEASIBLE',
      hint: expect.stringContaining('unmatchedCost'),
    })
  })

  it('start again after they were closed', async () => {
    const backend = createWithWorkers({ threads: 2 })
    for (let round = 0; round < 2; round++) {
      const { certificate } = await backend.solve(rowProblem(features(50, 1), features(50, 2)), {})
      expect(certificate.optimal).toBe(true)
      await backend.close()
    }
  })

  it('reject the job of a worker that is ended', async () => {
    const backend = createWithWorkers({ threads: 1 })
    const solving = backend.solve(matrixProblem(slowCosts(n), n, n, { solver: 'jv' }), {})
    const rejected = expect(solving).rejects.toMatchObject({ code: 'INTERNAL' })
    setTimeout(() => backend.close(), 200)
    await rejected
  })
})
