import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finished, nodeArguments, spawnCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

/** The slowest backend, so that there is a middle to interrupt. */
const slowDemo = (out: string) => spawnCommandLine(['demo', '--backend', 'typescript', '--out', join(folder, out)])

/** Resolves when a stream of the child has said something. */
function saying(child: ChildProcess, stream: 'stdout' | 'stderr', text: string): Promise<void> {
  let said = ''
  return new Promise((resolve) => {
    child[stream]!.on('data', (chunk) => {
      said += chunk
      if (said.includes(text)) resolve()
    })
  })
}

describe.skipIf(process.platform === 'win32')('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('stops in order and leaves no partial files (%s)', async (signal) => {
    const child = slowDemo(signal)
    const end = finished(child)
    await saying(child, 'stderr', 'layer_12 → layer_13')
    child.kill(signal)
    const { code, stderr } = await end
    expect(code).toBe(130)
    expect(stderr).toContain('Stopping.')
    expect(stderr).toContain('Interrupted.')
    expect(existsSync(join(folder, signal))).toBe(false)
  })

  it('keeps what was finished, whole and listed', async () => {
    const child = slowDemo('kept')
    const end = finished(child)
    await saying(child, 'stderr', 'layer_13 → layer_14')
    child.kill('SIGINT')
    expect((await end).code).toBe(130)
    const files = readdirSync(join(folder, 'kept', 'pairs')).sort()
    expect(files.map((name) => name.replace(/\.[0-9a-f]{8}\./, '.'))).toEqual([
      'layer_12--layer_13.json',
      'layer_12--layer_13.npz',
    ])
    const manifest = JSON.parse(readFileSync(join(folder, 'kept', 'run.json'), 'utf8'))
    expect(manifest.pairs).toHaveLength(1)
    expect(
      readFileSync(join(folder, 'kept', 'summary.csv'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(2)
  })

  it('twice leaves at once, whatever the job does', async () => {
    const script = nodeArguments(new URL('./ignore-interrupt.ts', import.meta.url), [])
    const child = spawn(process.execPath, script)
    const end = finished(child)
    await saying(child, 'stdout', 'running')
    child.kill('SIGINT')
    await saying(child, 'stderr', 'Press Ctrl-C again')
    expect(child.exitCode).toBeNull()
    child.kill('SIGINT')
    expect((await end).code).toBe(130)
  })
})
