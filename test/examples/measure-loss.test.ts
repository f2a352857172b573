import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { hasModule, python } from '../helpers/python.js'
import { finished, nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const isThere = hasModule('torch')
const script = fileURLToPath(new URL('../../examples/measure-loss/measure_loss.py', import.meta.url))

it.skipIf(!isThere)(
  `the recipe for PyTorch measures what it says${isThere ? '' : ' (skipped: no torch for Python)'}`,
  async () => {
    const command = [process.execPath, ...nodeArguments(new URL('../../src/cli/main.ts', import.meta.url), [])]
    const args = [script, join(folder, 'measured'), '--sae-match', command.map((part) => `'${part}'`).join(' ')]
    const { code, stdout, stderr } = await finished(spawn(python!, args))
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    const measured = JSON.parse(stdout.slice(0, stdout.indexOf('\n]') + 2))
    expect(measured).toHaveLength(2)
    for (const { pair, a, b, loss, losses } of measured) {
      expect(pair).toMatch(new RegExp(`^${a}--${b}\\.[0-9a-f]{8}$`))
      // leaving a block out costs something, and less than a match of untrained SAEs in its place
      expect(losses.layer_drop).toBeGreaterThan(loss)
      expect(losses.matched).toBeGreaterThan(losses.layer_drop)
      expect(stdout).toMatch(new RegExp(`matched .* ${(losses.matched - loss).toFixed(3)}$`, 'm'))
    }
  },
  600_000,
)
