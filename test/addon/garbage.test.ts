import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { addonPath, describeWithAddon } from '../helpers/addon.js'
import { finished } from '../helpers/run-typescript.js'

describeWithAddon('garbage collection', () => {
  it('spares the inputs of a running job, and takes inputs and results afterwards', async () => {
    const script = fileURLToPath(new URL('./collect-garbage.mjs', import.meta.url))
    const { stdout, stderr, code } = await finished(spawn(process.execPath, ['--expose-gc', script, addonPath]))
    expect(code, stderr).toBe(0)
    const { collections, ...rest } = JSON.parse(stdout)
    expect(collections).toBeGreaterThan(3)
    const n = 700
    const cost = (n * (n + 1) * (n + 2)) / 6
    expect(rest).toEqual({ collectedWhileRunning: 0, cost, inputAlive: false, resultAlive: false })
  })
})
