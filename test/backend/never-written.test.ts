import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { identityOf, neverWritten } from '../../src/backend/never-written.js'
import { rowMajor, transpose } from '../../src/tensor/matrix.js'
import { addon, addonPath, describeWithAddon } from '../helpers/addon.js'

describeWithAddon('identities of matrices', () => {
  const fixed = rowMajor(new Float32Array(24), 'f32', 6, 4)
  neverWritten(fixed.data)

  it('are of arrays that nobody writes to, and of no others', () => {
    const identity = identityOf(fixed)
    expect(identity).toBeGreaterThan(0)
    expect(identityOf(rowMajor(fixed.data, 'f32', 6, 4))).toBe(identity)
    expect(identityOf({ ...fixed, data: new Float32Array(24) })).toBe(0)
    expect(identityOf({ ...fixed, data: fixed.data.slice() as Float32Array })).toBe(0)
    neverWritten(fixed.data)
    expect(identityOf(fixed)).toBe(identity)
  })

  it('differ between views of one array', () => {
    const halves = rowMajor(new Uint16Array(24), 'f16', 6, 4)
    neverWritten(halves.data)
    const views = [
      fixed,
      transpose(fixed),
      { ...fixed, rows: 5 },
      { ...fixed, rows: 5, offset: 4 },
      { ...fixed, rows: 3, rowStride: 8 },
      { ...fixed, rows: 4, columns: 6, rowStride: 6 },
      halves,
      { ...halves, dtype: 'bf16' as const },
    ]
    expect(new Set(views.map(identityOf)).size).toBe(views.length)
    expect(views.map(identityOf)).toEqual(views.map(identityOf))
  })

  it('are given once in a process', async () => {
    const inWorker = async () => {
      const code = `require('node:worker_threads').parentPort.postMessage(require(${JSON.stringify(addonPath)}).newIdentity())`
      const worker = new Worker(code, { eval: true })
      const [identity] = await once(worker, 'message')
      await worker.terminate()
      return identity as number
    }
    const given = [addon.newIdentity(), await inWorker(), await inWorker(), addon.newIdentity()]
    expect(given).toEqual(given.toSorted((a, b) => a - b))
    expect(new Set(given).size).toBe(4)
  })

  it('are not given by a second copy of the addon, which may use the same CUDA library', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sae-match-'))
    const copy = join(folder, 'copy.node')
    copyFileSync(addonPath, copy)
    const other = createRequire(import.meta.url)(copy) as typeof addon
    rmSync(folder, { recursive: true })
    const given = [addon, other].flatMap((each) => Array.from({ length: 1000 }, () => each.newIdentity()))
    expect(new Set(given).size).toBe(2000)
    expect(given.every(Number.isSafeInteger)).toBe(true)
  })
})
