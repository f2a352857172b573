import { spawn } from 'node:child_process'
import pc from 'picocolors'
import { expect, it } from 'vitest'
import { withoutControls } from '../../src/cli/terminal.js'
import { finished, nodeArguments, runCommandLine } from '../helpers/run-typescript.js'

it.each([
  ['letters, lines and tabs stay', 'é 層 a\tb\nc', 'é 層 a\tb\nc'],
  [
    'colours stay',
    pc.createColors(true).bold(pc.createColors(true).red('x')),
    '\u001b[1m\u001b[31mx\u001b[39m\u001b[22m',
  ],
  ['titles of windows', '\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['what erases', 'a\u001b[2K\rb\b', 'a\\u001b[2K\\u000db\\u0008'],
  ['the same in one character', '\u009b2K\u007f', '\\u009b2K\\u007f'],
])('%s', (_, text, shown) => {
  expect(withoutControls(text)).toBe(shown)
})

it('JSON means the same', () => {
  const value = { name: '\u009b2K\u007f\u001b[2J"\n' }
  expect(JSON.parse(withoutControls(JSON.stringify(value, null, 2)))).toEqual(value)
})

it('a name cannot draw on the terminal of whoever is told of it', async () => {
  const { code, stderr } = await runCommandLine(['inspect', 'no\u001b[2Jwhere'])
  expect(code).toBe(1)
  expect(stderr).toContain('no\\u001b[2Jwhere')
  expect(stderr).not.toContain('\u001b[2J')
})

it('notes and warnings take the place of a drawn line', async () => {
  const script = new URL('./draw-and-warn.ts', import.meta.url)
  const env = { ...process.env, TERM: 'xterm' }
  const { stderr } = await finished(spawn(process.execPath, nodeArguments(script, []), { env }))
  const clear = '\r\u001b[2K'
  expect(stderr.split('(node:')[0]).toBe(`${clear}line 1${clear}a note\n${clear}line 2${clear}`)
})
