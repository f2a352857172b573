import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { matchPairs } from '../../src/pairs/match-pairs.js'
import { writeLayer } from '../helpers/layers.js'
import { mulberry32 } from '../helpers/random.js'
import { nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const saes = join(folder, 'saes')
const inFlight = 2
const layers = [1, 2, 3, 4, 5, 6]
const total = (layers.length * (layers.length - 1)) / 2
const options = { pairs: 'all', inFlight } as const
const undisturbed = join(folder, 'undisturbed')

const script = (...args: string[]) => nodeArguments(new URL('./run-all-pairs.ts', import.meta.url), args)
const names = (path: string, ending: string) =>
  existsSync(join(path, 'pairs')) ? readdirSync(join(path, 'pairs')).filter((name) => name.endsWith(ending)) : []
const contents = (path: string) =>
  names(path, '.npz').map((name) => [name, readFileSync(join(path, 'pairs', name)).toString('base64')])

beforeAll(async () => {
  for (const layer of layers) writeLayer(join(saes, `layer_${layer}`), { layer, features: 300, dimension: 16 })
  await matchPairs(saes, { ...options, out: undisturbed })
})

describe('kill -9', () => {
  // times are counted from the first pair's end, over about the whole run
  const random = mulberry32(20)
  it.each(Array.from({ length: 10 }, (_, k) => [k, Math.floor(random() * total)] as const))(
    'number %i, once %i pairs are done: the run goes on and ends like an undisturbed one',
    async (number, pairs) => {
      const path = join(folder, `killed-${number}`)
      const child = spawn(process.execPath, script(saes, path, String(inFlight)), {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      child.stdout.on('data', (chunk) => {
        said += chunk
      })
      const closed = once(child, 'close')
      while (said.split('\n').length - 1 < pairs && child.exitCode === null) await setTimeout(1)
      await setTimeout(random() * 30)
      child.kill('SIGKILL')
      await closed

      const done = names(path, '.json')
      const times = new Map(done.map((name) => [name, statSync(join(path, 'pairs', name)).mtimeMs]))
      // a pair is done once it says so, but for those that were on their way
      expect(done.length).toBeGreaterThanOrEqual(Math.min(pairs, total))
      expect(names(path, '.npz').length - done.length).toBeLessThanOrEqual(inFlight)
      const run = await matchPairs(saes, { ...options, out: path })
      expect(run.pairs.filter((pair) => pair.reused)).toHaveLength(done.length)
      for (const [name, time] of times) expect(statSync(join(path, 'pairs', name)).mtimeMs).toBe(time)
      expect(contents(path)).toEqual(contents(undisturbed))
      expect(readdirSync(join(path, 'pairs')).sort()).toEqual(readdirSync(join(undisturbed, 'pairs')).sort())
      expect(readFileSync(join(path, 'summary.csv'), 'utf8').split('\n')).toHaveLength(total + 2)
    },
  )
})

it.skipIf(process.platform === 'win32')('a device that fills up ends the run; finished pairs stay whole', async () => {
  const path = join(folder, 'full')
  await matchPairs(saes, { out: path })
  const before = contents(path)
  // the limit on file sizes stands for a full disk
  const limited = ['-c', 'ulimit -f 8; exec "$@"', 'bash', process.execPath, ...script(saes, path, '1')]
  const output = String(execFileSync('bash', limited))
  expect(output).toMatch(/^OUTPUT_FAILED Cannot write .*file size limit exceeded \(EFBIG\)\n$/)
  expect(contents(path)).toEqual(before)
  expect(readdirSync(join(path, 'pairs')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  const run = await matchPairs(saes, { ...options, out: path })
  expect(run.pairs.filter((pair) => pair.reused)).toHaveLength(before.length)
  expect(contents(path)).toEqual(contents(undisturbed))
})
