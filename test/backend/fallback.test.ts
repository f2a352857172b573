import { describe, expect, it } from 'vitest'
import type { Backend, Problem, RunControl, Solution } from '../../src/backend/backend.js'
import { withFallback } from '../../src/backend/fallback.js'
import { createTypescriptBackend } from '../../src/backend/typescript/index.js'
import { type ErrorCode, SaeMatchError } from '../../src/errors.js'
import { expectFailure } from '../helpers/errors.js'
import { makeRows } from '../helpers/feature-rows.js'

const settings = { maximize: false, unmatchedCost: Number.POSITIVE_INFINITY, solver: 'auto', verify: 'full' } as const
const [a, b] = [makeRows(5, 1), makeRows(6, 2)]
const overRows: Problem = {
  ...settings,
  neighbours: false,
  costs: { kind: 'rows', a, b, source: 'auto', memoryBudget: 1e9 },
}
const overMatrix: Problem = {
  ...settings,
  neighbours: false,
  costs: { kind: 'matrix', data: Float64Array.of(1, 2, 3, 1), rows: 2, columns: 2, rowStride: 2 },
}
const plain = createTypescriptBackend({ threads: 1 })

/** A backend under two names; the one called `cuda` fails with what stands in `failures`, one after the other. */
function twoBackends(failures: ErrorCode[]) {
  const asked: string[] = []
  const named = (name: 'cuda' | 'native'): Backend => {
    const next = () => {
      asked.push(name)
      const code = name === 'cuda' ? failures.shift() : undefined
      if (code !== undefined) throw new SaeMatchError(code, `no luck: ${code}`)
    }
    const label = (solution: Solution) => ({ ...solution, backend: name })
    return {
      ...plain,
      name,
      solve: async (problem, control) => {
        next()
        return label(await plain.solve(problem, control))
      },
      solveSync: (problem) => {
        next()
        return label(plain.solveSync(problem))
      },
      nearestRows: async (...args) => {
        next()
        return { ...(await plain.nearestRows(...args)), backend: name }
      },
    }
  }
  const told: string[] = []
  const backend = withFallback(named('cuda'), named('native'), ({ code }) => told.push(code))
  return { backend, asked, told }
}

describe('withFallback', () => {
  it('is the first backend as long as that works', async () => {
    const { backend, asked, told } = twoBackends([])
    expect(backend).toMatchObject({ name: 'cuda', threads: plain.threads, solvers: plain.solvers })
    expect((await backend.solve(overRows, {})).backend).toBe('cuda')
    expect((await backend.solve(overMatrix, {})).backend).toBe('cuda')
    expect(backend.solveSync(overRows).backend).toBe('cuda')
    expect((await backend.nearestRows(a, b, 2, {})).backend).toBe('cuda')
    expect([asked, told]).toEqual([Array(4).fill('cuda'), []])
  })

  it.each(['OUT_OF_MEMORY', 'DEVICE_FAILED'] as const)('does a job again after %s, and only that', async (code) => {
    for (const run of [
      (backend: Backend) => backend.solve(overRows, {}),
      (backend: Backend) => backend.nearestRows(a, b, 2, {}),
      async (backend: Backend) => backend.solveSync(overRows),
    ]) {
      const { backend, asked, told } = twoBackends([code])
      const { backend: again, ...found } = await run(backend)
      expect(again).toBe('native')
      const { backend: _, ...expected } = await run(plain)
      // times differ
      expect({ ...found, milliseconds: 0 }).toEqual({ ...expected, milliseconds: 0 })
      expect(backend.name).toBe('cuda')
      expect((await run(backend)).backend).toBe('cuda')
      expect([asked, told]).toEqual([['cuda', 'native', 'cuda'], [code]])
    }
  })

  it('is the second backend for good once the GPU is lost', async () => {
    const { backend, asked, told } = twoBackends(['DEVICE_LOST'])
    expect((await backend.nearestRows(a, b, 1, {})).backend).toBe('native')
    expect(backend.name).toBe('native')
    expect((await backend.solve(overRows, {})).backend).toBe('native')
    expect(backend.solveSync(overMatrix).backend).toBe('native')
    expect([asked, told]).toEqual([['cuda', 'native', 'native', 'native'], ['DEVICE_LOST']])
  })

  it.each(['COST_RANGE', 'INFEASIBLE', 'CANCELLED'] as const)('passes %s on', async (code) => {
    const { backend, asked, told } = twoBackends([code, code])
    await expectFailure(backend.solve(overRows, {}), code)
    expect(() => backend.solveSync(overRows)).toThrow(expect.objectContaining({ code }))
    expect([asked, told]).toEqual([['cuda', 'cuda'], []])
  })

  it('passes failures of costs on that are not formed on a GPU', async () => {
    const { backend } = twoBackends(['OUT_OF_MEMORY', 'OUT_OF_MEMORY'])
    await expectFailure(backend.solve(overMatrix, {}), 'OUT_OF_MEMORY')
    expect(() => backend.solveSync(overMatrix)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
  })

  it('does one job again at a time, and waiting for that can be called off', async () => {
    const begun: number[] = []
    const ends: (() => void)[] = []
    let at = 0
    const cuda = {
      ...plain,
      name: 'cuda',
      solve: () => Promise.reject(new SaeMatchError('OUT_OF_MEMORY', 'full')),
    } as Backend
    const native = {
      ...plain,
      name: 'native',
      solve: async (problem: Problem, control: RunControl) => {
        const number = at++
        begun.push(number)
        await new Promise<void>((resolve) => {
          ends[number] = resolve
        })
        control.signal?.throwIfAborted()
        return plain.solve(problem, {})
      },
    } as Backend
    const backend = withFallback(cuda, native, () => {})
    const breathe = () => new Promise((resolve) => setTimeout(resolve, 20))
    const calledOff = new AbortController()
    const first = backend.solve(overRows, {})
    await breathe()
    const second = backend.solve(overRows, { signal: calledOff.signal })
    const third = backend.solve(overRows, {})
    await breathe()
    expect(begun).toEqual([0])
    calledOff.abort(new Error('no longer wanted'))
    await expect(second).rejects.toThrow('no longer wanted')
    await breathe()
    expect(begun, 'the third waits for the first').toEqual([0])
    ends[0]()
    await first
    await breathe()
    expect(begun).toEqual([0, 1])
    ends[1]()
    expect((await third).certificate.optimal).toBe(true)
    const aborted = AbortSignal.abort(new Error('too late'))
    await expect(backend.solve(overRows, { signal: aborted })).rejects.toThrow('too late')
    expect(begun).toEqual([0, 1])
  })
})
