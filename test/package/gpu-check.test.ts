import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/gpu-check.sh', import.meta.url))
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sae-match-gpu-check-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the script where `nvidia-smi` does this. */
function run(nvidiaSmi: string, ...args: string[]) {
  const file = path.join(folder, 'nvidia-smi')
  writeFileSync(file, `#!/bin/sh\n${nvidiaSmi}\n`)
  chmodSync(file, 0o755)
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const { status, stderr } = spawnSync(script, ['--out', path.join(folder, 'out'), ...args], { env, encoding: 'utf8' })
  return { status, stderr }
}

describe.skipIf(process.platform === 'win32')('scripts/gpu-check.sh', () => {
  it('says that there is no GPU, and nothing else', () => {
    const expected = { status: 3, stderr: 'gpu-check: nvidia-smi finds no GPU (NO_DEVICE)\n' }
    expect(run('exit 9')).toEqual(expected)
    expect(run('exit 0')).toEqual(expected)
  })

  it('refuses a stage that it does not have', () => {
    expect(run('exit 9', 'nonsense')).toMatchObject({ status: 2, stderr: expect.stringContaining('got nonsense') })
    expect(run('exit 9', '--out')).toMatchObject({ status: 2, stderr: expect.stringContaining('wants a folder') })
  })
})
