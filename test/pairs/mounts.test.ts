import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { matchPairs } from '../../src/pairs/match-pairs.js'
import { writeLayer } from '../helpers/layers.js'
import { nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const saes = join(folder, 'saes')
const undisturbed = join(folder, 'undisturbed')

/** A small device of its own, in a namespace of its own: nothing of it outlives the shell. */
const inNamespace = (script: string, ...args: string[]) =>
  spawnSync('unshare', ['-rm', 'bash', '-ec', script, 'bash', ...args], { encoding: 'utf8' })
const canMount = inNamespace('mount -t tmpfs -o size=64k tmpfs "$1"', folder).status === 0
const needsMounts = canMount ? '' : ' (skipped: no mounts in user namespaces)'

const runAllPairs = (out: string) => [
  process.execPath,
  ...nodeArguments(new URL('./run-all-pairs.ts', import.meta.url), [saes, out, '1']),
]
const names = (path: string) => readdirSync(join(path, 'pairs')).sort()
const npz = (path: string) =>
  names(path)
    .filter((name) => name.endsWith('.npz'))
    .map((name) => [name, readFileSync(join(path, 'pairs', name)).toString('base64')])

beforeAll(async () => {
  for (const layer of [1, 2, 3, 4]) {
    writeLayer(join(saes, `layer_${layer}`), { layer, features: 300, dimension: 16 })
  }
  await matchPairs(saes, { pairs: 'all', out: undisturbed })
})

it.skipIf(!canMount)(`a full disk ends the run with an error; finished pairs stay whole${needsMounts}`, async () => {
  const [device, kept] = [join(folder, 'device'), join(folder, 'kept')]
  mkdirSync(device)
  const { status, stdout, stderr } = inNamespace(
    'mount -t tmpfs -o size=144k tmpfs "$1"; from="$1/run" to="$2"; shift 2; "$@"; cp -r "$from" "$to"',
    ...[device, kept, ...runAllPairs(join(device, 'run'))],
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const said = stdout.trim().split('\n')
  expect(said.pop()).toMatch(/^OUTPUT_FAILED Cannot write .*no space left on the device \(ENOSPC\)$/i)
  // some pairs were done before the disk was full, and not all
  expect(said.length).toBeGreaterThan(0)
  expect(said.length).toBeLessThan(6)
  const whole = new Map(npz(undisturbed) as [string, string][])
  const finished = names(kept).filter((name) => name.endsWith('.json'))
  expect(finished).toHaveLength(said.length)
  for (const name of finished) JSON.parse(readFileSync(join(kept, 'pairs', name), 'utf8'))
  const arrays = new Map(npz(kept) as [string, string][])
  for (const name of finished.map((file) => file.replace(/json$/, 'npz')))
    expect(arrays.get(name)).toBe(whole.get(name))
  expect(names(kept).filter((name) => name.endsWith('.tmp'))).toEqual([])

  const again = await matchPairs(saes, { pairs: 'all', out: kept })
  expect(again.pairs.filter(({ reused }) => reused)).toHaveLength(said.length)
  expect(npz(kept)).toEqual(npz(undisturbed))
})

it.skipIf(!canMount)(
  `a read-only folder: an error where there is work, none where there is not${needsMounts}`,
  async () => {
    const [part, all] = [join(folder, 'part'), join(folder, 'all')]
    await matchPairs(saes, { out: part })
    cpSync(undisturbed, all, { recursive: true })
    const before = [npz(part), npz(all)]
    const readOnly = (path: string) =>
      inNamespace('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; "$@"', path, ...runAllPairs(path))
    expect(readOnly(part).stdout).toMatch(/^OUTPUT_FAILED Cannot write .*the file system is read-only \(EROFS\)\n$/i)
    expect(readOnly(all)).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect([npz(part), npz(all)]).toEqual(before)
  },
)
