import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { addonPath, describeWithAddon } from '../helpers/addon.js'
import { finished } from '../helpers/run-typescript.js'

describeWithAddon('process.exit() in the middle of a job', () => {
  it('ends promptly with the given status', async () => {
    const script = fileURLToPath(new URL('./exit-while-solving.mjs', import.meta.url))
    const { code, stdout, stderr } = await finished(spawn(process.execPath, [script, addonPath]))
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
    expect(Date.now() - Number(stdout)).toBeLessThan(1500)
  })
})
