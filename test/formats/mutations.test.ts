import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { finished, nodeArguments } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { targetsIn } from './mutations/targets.js'

/** How many files of each kind: MUTATIONS=200000 npx vitest run test/formats/mutations.test.ts */
const rounds = Number(process.env.MUTATIONS ?? 1000)
const folder = temporaryFolder()
const script = new URL('./mutations/read-mutations.ts', import.meta.url)

/** What a child may write to in memory, and all the processor time it may take, in seconds. */
const memory = 512 * 2 ** 20
const time = 60 + rounds / 50

interface Report {
  readonly outcomes: Readonly<Record<string, number>>
  readonly seconds: number
  readonly peakBytes: number
  readonly largestAllocation: number
}

function start(name: string) {
  const command = [process.execPath, ...nodeArguments(script, [name, String(rounds), folder])]
  if (process.platform !== 'linux') return spawn(command[0], command.slice(1))
  return spawn('sh', ['-c', `ulimit -d ${memory / 1024}; ulimit -t ${time}; exec "$@"`, 'sh', ...command])
}

describe(`${rounds} damaged files are refused properly or valid, in bounded memory and time`, () => {
  it.each([...targetsIn(folder)])(
    '%s',
    async (name, { samples }) => {
      const { code, stdout, stderr } = await finished(start(name))
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { outcomes, seconds, peakBytes, largestAllocation } = JSON.parse(stdout) as Report
      console.log(name, JSON.stringify(outcomes), `${seconds.toFixed(1)} s`, `${Math.round(peakBytes / 2 ** 20)} MiB`)
      const largest = Math.max(...samples.map(({ length }) => length))
      // What deflate can make of a file, 128 KiB of directory, and what a view may repeat.
      expect(largestAllocation).toBeLessThanOrEqual(Math.max(1032 * largest, 2 ** 23) + 2 ** 17)
      expect(outcomes.valid, 'what only looks damaged is valid').toBeGreaterThan(samples.length)
      expect(Object.keys(outcomes).length, 'damage is found').toBeGreaterThan(2)
    },
    1000 * (120 + rounds / 20),
  )
})
