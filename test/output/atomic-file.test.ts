import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  abandonedName,
  checkWritableDirectory,
  createFileAtomically,
  ensureDirectory,
  ensureWritableFile,
  writeFileAtomically,
} from '../../src/output/atomic-file.js'
import { nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const root = temporaryFolder()
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
})

describe('writeFileAtomically', () => {
  it('writes and replaces, leaving nothing else', async () => {
    const path = join(folder, 'result.json')
    await writeFileAtomically(path, 'first')
    await writeFileAtomically(path, new TextEncoder().encode('second'))
    expect(readFileSync(path, 'utf8')).toBe('second')
    expect(readdirSync(folder)).toEqual(['result.json'])
  })

  it.each([
    {
      name: 'a folder of that name',
      prepare: (path: string) => mkdirSync(path),
      reason: 'a folder of that name is in the way',
    },
    { name: 'a file as a folder', prepare: () => {}, reason: 'a part of the path is not a folder', below: true },
  ])('names the path when it cannot: $name', async ({ prepare, reason, below }) => {
    const path = join(folder, 'result.json')
    prepare(path)
    if (below) writeFileSync(path, 'kept')
    const target = below ? join(path, 'inner.json') : path
    const before = readdirSync(folder)
    await expect(writeFileAtomically(target, 'x')).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`${target}: ${reason}`),
    })
    expect(readdirSync(folder)).toEqual(before)
  })

  it.skipIf(process.platform === 'win32')('leaves the old file whole when the device fills up', () => {
    // the limit on file sizes stands for a full disk: the write fails in its middle
    writeFileSync(join(folder, 'result.bin'), 'old')
    const script = nodeArguments(new URL('./write-too-much.ts', import.meta.url), [join(folder, 'result.bin')])
    const output = execFileSync('bash', ['-c', 'ulimit -f 64; exec "$@"', 'bash', process.execPath, ...script])
    expect(JSON.parse(String(output))).toEqual({
      code: 'OUTPUT_FAILED',
      message: `Cannot write ${join(folder, 'result.bin')}: file size limit exceeded (EFBIG)`,
    })
    expect(readdirSync(folder)).toEqual(['result.bin'])
    expect(readFileSync(join(folder, 'result.bin'), 'utf8')).toBe('old')
  })
})

describe('createFileAtomically', () => {
  it('appends, overwrites, and shows the file only once it is whole', async () => {
    const path = join(folder, 'result.bin')
    const file = await createFileAtomically(path)
    await file.write(Buffer.from('??cd'))
    await file.write(Buffer.from('ef'))
    await file.write(Buffer.from('ab'), 0)
    await file.write(Buffer.from('gh'))
    expect(readdirSync(folder)).not.toContain('result.bin')
    await file.commit()
    await file.discard()
    expect(readFileSync(path, 'utf8')).toBe('abcdefgh')
    expect(readdirSync(folder)).toEqual(['result.bin'])
  })

  it('leaves nothing of what is discarded', async () => {
    const file = await createFileAtomically(join(folder, 'result.bin'))
    await file.write(Buffer.from('ab'))
    await file.discard()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('ensureDirectory', () => {
  it('makes parents, also where several do so at once', async () => {
    const paths = ['a/b/c', 'a/b/c', 'a/b/d'].map((path) => join(folder, path))
    await Promise.all(paths.map(ensureDirectory))
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['c', 'd'])
  })

  it('refuses where a file is in the way', async () => {
    writeFileSync(join(folder, 'file'), '')
    for (const path of ['file', 'file/below']) {
      await expect(ensureDirectory(join(folder, path))).rejects.toMatchObject({
        code: 'OUTPUT_FAILED',
        message: expect.stringContaining(join(folder, path)),
      })
    }
  })
})

describe('abandonedName', () => {
  it('knows what processes that are gone have begun, and nothing else', () => {
    // no process has a number as large; one that was killed may have had ours
    for (const pid of [999_999_999, process.pid])
      expect(abandonedName(`.a--b.12345678.npz.${pid}.89abcdef.tmp`)).toBe('a--b.12345678.npz')
    for (const name of ['a.npz', '.a.npz.tmp', '.a.npz.89abcdef.tmp', '.a.npz.999999999.89abcdef.tmp.bak']) {
      expect(abandonedName(name)).toBeNull()
    }
    expect(abandonedName(`.a.npz.${process.ppid}.89abcdef.tmp`)).toBeNull()
  })

  it('leaves alone what is being written', async () => {
    const file = await createFileAtomically(join(folder, 'a.npz'))
    const [name] = readdirSync(folder).filter((entry) => entry.endsWith('.tmp'))
    expect(abandonedName(join(folder, name))).toBeNull()
    await file.discard()
  })
})

describe('checkWritableDirectory', () => {
  it('makes nothing', async () => {
    await checkWritableDirectory(join(folder, 'a', 'b'))
    await checkWritableDirectory(folder)
    expect(readdirSync(folder)).toEqual([])
  })

  it('refuses a file', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(checkWritableDirectory(join(folder, 'file'))).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
    await expect(checkWritableDirectory(join(folder, 'file', 'below'))).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    })
  })

  it.skipIf(process.platform !== 'linux')('refuses where no folder can be made', async () => {
    await expect(checkWritableDirectory('/proc/sae-match/run')).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: 'Cannot write /proc/sae-match/run: no folder can be made there (ENOENT)',
    })
  })
})

describe('ensureWritableFile', () => {
  it('makes the folder, leaves nothing behind and a file that is there as it is', async () => {
    const path = join(folder, 'a', 'result.npz')
    await ensureWritableFile(path)
    expect(readdirSync(join(folder, 'a'))).toEqual([])
    writeFileSync(path, 'old')
    await ensureWritableFile(path)
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(join(folder, 'a'))).toEqual(['result.npz'])
  })

  it.each([
    ['a folder', () => folder, 'a folder of that name is in the way'],
    ['a folder that is not there yet', () => `${join(folder, 'new')}/`, 'a folder of that name is in the way'],
    ['a name that is too long', () => join(folder, 'x'.repeat(250)), 'the name is too long'],
  ])('refuses %s', async (_, path, reason) => {
    await expect(ensureWritableFile(path())).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`${path()}: ${reason}`),
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it.skipIf(process.platform === 'win32')('refuses a device, which would be replaced by a file', async () => {
    await expect(ensureWritableFile('/dev/null')).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
  })

  it('does not speak of options: whoever calls it may have none', async () => {
    await expect(ensureWritableFile(folder)).rejects.toMatchObject({ hint: expect.not.stringContaining('--') })
  })
})
