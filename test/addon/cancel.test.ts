import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import type { Progress } from '../../src/backend/backend.js'
import { describeWithAddon, matrixProblem, native, slowCosts } from '../helpers/addon.js'

const n = 2000
const costs = slowCosts(n, new SharedArrayBuffer(n * n * 8))
/** Takes seconds. */
const slowProblem = matrixProblem(costs, n, n, { solver: 'jv' })
const quickProblem = matrixProblem(slowCosts(50), 50, 50)

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

/** What a promise rejects with. */
function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (reason) => reason,
  )
}

describeWithAddon('cancelling', () => {
  it('rejects before any work where the signal is aborted already', async () => {
    const reason = new Error('too late')
    const signal = AbortSignal.abort(reason)
    const start = performance.now()
    expect(await rejection(native().solve(slowProblem, { signal }))).toBe(reason)
    expect(performance.now() - start).toBeLessThan(1000)
    expect(listeners(signal)).toBe(0)
  })

  it('ends a job in the middle with the reason of the signal, and lets go of its inputs', async () => {
    const controller = new AbortController()
    const reason = { any: 'value' }
    const own = slowCosts(n)
    const solving = rejection(native().solve(matrixProblem(own, n, n, { solver: 'jv' }), { signal: controller.signal }))
    expect(listeners(controller.signal)).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const start = performance.now()
    controller.abort(reason)
    expect(await solving).toBe(reason)
    expect(performance.now() - start).toBeLessThan(1000)
    expect(listeners(controller.signal)).toBe(0)
    // Nobody reads the array any more.
    structuredClone(own.buffer, { transfer: [own.buffer as ArrayBuffer] })
    expect(own.length).toBe(0)
  })

  it('does nothing after the end', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const { certificate } = await native().solve(quickProblem, { signal })
    expect(listeners(signal)).toBe(0)
    controller.abort()
    expect(certificate.optimal).toBe(true)
  })

  it('leaves no listener behind when the job fails', async () => {
    const { signal } = new AbortController()
    const forbidden = new Float64Array(4).fill(Number.POSITIVE_INFINITY)
    expect(await rejection(native().solve(matrixProblem(forbidden, 2, 2), { signal }))).toMatchObject({
      name: 'SaeMatchError',
      code: 'INFEASIBLE',
    })
    expect(listeners(signal)).toBe(0)
  })

  it('stops one of several jobs and no other', async () => {
    const controller = new AbortController()
    const stopped = rejection(native().solve(slowProblem, { signal: controller.signal }))
    const others = [1, 2, 3].map(() => native().solve(quickProblem, {}))
    controller.abort()
    expect(await stopped).toMatchObject({ name: 'AbortError' })
    for (const { certificate } of await Promise.all(others)) expect(certificate.optimal).toBe(true)
  })

  it('keeps the stack of the caller in errors of the addon', async () => {
    const namedCaller = async () => {
      await native().solve(matrixProblem(Float64Array.of(Number.NaN), 1, 1), {})
    }
    const error = (await rejection(namedCaller())) as Error
    expect(error).toMatchObject({ code: 'COST_NAN' })
    expect(error.stack).toContain('namedCaller')
  })
})

describeWithAddon('progress', () => {
  it('is monotone in every phase and ends each with all of it', async () => {
    const events: Progress[] = []
    const onProgress = (progress: Progress) => events.push(progress)
    await native().solve(matrixProblem(costs, n, n), { onProgress })
    expect(events.length).toBeGreaterThan(0)
    const phases = events.map(({ phase }) => phase)
    expect([...new Set(phases)]).toEqual(phases.filter((phase, i) => phase !== phases[i - 1]))
    for (const [i, { phase, done, total }] of events.entries()) {
      expect(done).toBeLessThanOrEqual(total)
      const next = events[i + 1]
      if (next?.phase === phase) expect(next.done).toBeGreaterThanOrEqual(done)
      else expect(done).toBe(total)
    }
  })

  it('rejects with what the callback throws', async () => {
    const failure = new Error('thrown by the callback')
    const onProgress = () => {
      throw failure
    }
    expect(await rejection(native().solve(slowProblem, { onProgress }))).toBe(failure)
  })
})
