import { describe, expect, it } from 'vitest'
import { runAtOnce, runInTurns, type Steps } from '../../../src/backend/typescript/steps.js'

function* counting(total: number, milliseconds = 0): Steps<string> {
  for (let done = 1; done <= total; done++) {
    const end = performance.now() + milliseconds
    while (performance.now() < end);
    yield { phase: 'solve', done, total }
  }
  return 'done'
}

describe('runAtOnce', () => {
  it('gives the result and every step', () => {
    const seen: unknown[] = []
    expect(runAtOnce(counting(3), (progress) => seen.push(progress?.done))).toBe('done')
    expect(seen).toEqual([1, 2, 3])
  })

  it('stops where the observer throws', () => {
    const observe = (progress: { done: number } | undefined) => {
      if (progress?.done === 2) throw new Error('enough')
    }
    expect(() => runAtOnce(counting(3), observe)).toThrow('enough')
  })
})

describe('runInTurns', () => {
  it('lets the event loop run in between', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    expect(await runInTurns(counting(20, 5), {})).toBe('done')
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
  })

  it('rejects with the reason of the signal, before the first step and in the middle', async () => {
    const reason = new Error('no longer needed')
    await expect(runInTurns(counting(1), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    let last = 0
    const running = runInTurns(counting(1000, 2), {
      signal: controller.signal,
      onProgress: ({ done }) => {
        last = done
      },
    })
    setTimeout(() => controller.abort(reason), 20)
    await expect(running).rejects.toBe(reason)
    expect(last).toBeLessThan(1000)
  })

  it('rejects with what onProgress throws', async () => {
    const failing = runInTurns(counting(3), {
      onProgress: () => {
        throw new Error('display broke')
      },
    })
    await expect(failing).rejects.toThrow('display broke')
  })
})
