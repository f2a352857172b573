import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { solverOrder } from '../../src/backend/addon-types.js'
import { addonPath, describeWithAddon, matrixProblem, native, slowCosts } from '../helpers/addon.js'

function startWorker(n: number, solver: 'jv' | 'shortlist'): Worker {
  return new Worker(new URL('./solving-worker.mjs', import.meta.url), {
    workerData: { addonPath, n, solver: solverOrder.indexOf(solver) },
  })
}

describeWithAddon('worker threads', () => {
  it('solve at the same time, each its own problem', async () => {
    const sizes = [150, 200, 250, 300]
    const workers = sizes.map((n) => startWorker(n, 'shortlist'))
    const answers = await Promise.all(
      workers.map(async (worker) => {
        const messages: unknown[] = []
        worker.on('message', (message) => messages.push(message))
        const [code] = await once(worker, 'exit')
        expect(code).toBe(0)
        return messages.at(-1)
      }),
    )
    for (const [i, n] of sizes.entries()) {
      const { cost, rowToColumn } = await native().solve(matrixProblem(slowCosts(n), n, n), {})
      expect(answers[i]).toEqual({ cost, rowToColumn })
    }
  })

  it('end within 100 ms of terminate() in the middle of a job', async () => {
    const elapsed: number[] = []
    for (let round = 0; round < 3; round++) {
      const workers = [1, 2, 3].map(() => startWorker(2000, 'jv'))
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      await new Promise((resolve) => setTimeout(resolve, 50))
      const start = performance.now()
      await Promise.all(workers.map((worker) => worker.terminate()))
      elapsed.push(performance.now() - start)
    }
    // The best of three: other programs on the machine may take a turn of theirs.
    expect(Math.min(...elapsed)).toBeLessThan(100)
    // The process lives, and so does the pool.
    expect((await native().solve(matrixProblem(slowCosts(100), 100, 100), {})).certificate.optimal).toBe(true)
  })

  it('may be terminated at any moment', async () => {
    for (let delay = 0; delay < 20; delay++) {
      const worker = startWorker(60, 'shortlist')
      await once(worker, 'message')
      await new Promise((resolve) => setTimeout(resolve, delay / 10))
      await worker.terminate()
    }
  })
})
