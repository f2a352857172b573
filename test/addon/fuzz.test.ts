import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { addonPath, describeWithAddon } from '../helpers/addon.js'

const script = fileURLToPath(new URL('fuzz.mjs', import.meta.url))

// `ctest --preset asan` runs the same under the address sanitizer.
describeWithAddon('the addon, given damaged arguments', () => {
  it('returns, or fails with a code', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, addonPath, '5000', '7'], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const outcomes = JSON.parse(stdout)
    expect(outcomes.done).toBeGreaterThan(500)
    expect(outcomes.INVALID_ARGUMENT).toBeGreaterThan(1000)
  })
})
