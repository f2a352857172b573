import { describe, expect, it } from 'vitest'
import { runChild } from '../../src/benchmark/child.js'

const node = (script: string, seconds = 60, signal?: AbortSignal) =>
  runChild(process.execPath, ['-e', script], seconds, signal)

describe('runChild', () => {
  it('reads the last line', async () => {
    expect(await node('console.log("a note"); console.log(JSON.stringify({ x: 1 }))')).toEqual({ report: { x: 1 } })
  })

  it.each([
    { script: 'throw new RangeError("too large")', failure: 'RangeError: too large' },
    { script: 'process.exit(3)', failure: 'ended with 3' },
    { script: 'process.kill(process.pid, "SIGKILL")', failure: 'ended with SIGKILL' },
    { script: 'console.log("not JSON")', failure: 'ended without a report' },
    { script: '', failure: 'ended without a report' },
  ])('tells how $script ended', async ({ script, failure }) => {
    expect(await node(script)).toEqual({ failure, timedOut: false })
  })

  it('tells that there is no such program', async () => {
    expect(await runChild('/nowhere/program', [], 60)).toEqual({
      failure: expect.stringContaining('ENOENT'),
      timedOut: false,
    })
  })

  it('ends what takes too long', async () => {
    expect(await node('setInterval(() => {}, 1000)', 0.2)).toEqual({ failure: 'more than 0.2 s', timedOut: true })
  })

  it('ends when it is told to, and starts nothing after that', async () => {
    const controller = new AbortController()
    const running = node('setInterval(() => {}, 1000)', 60, controller.signal)
    controller.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    await expect(node('', 60, controller.signal)).rejects.toThrow('enough')
  })
})
