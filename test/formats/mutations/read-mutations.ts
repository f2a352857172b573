// Reads damaged files in a process of its own: node ... read-mutations.ts TARGET ROUNDS FOLDER
// Prints what became of them. Ends with an error at the first that is neither refused properly nor valid.
import { writeFileSync } from 'node:fs'
import { mulberry32 } from '../../helpers/random.js'
import { mutate } from './mutate.js'
import { changeEntry, targetsIn } from './targets.js'

/** Seconds of processor time that no file of a few kilobytes may take. */
const patience = 5

const [name, rounds, folder] = process.argv.slice(2)
const { samples, path, read } = targetsIn(folder).get(name)!
const random = mulberry32(Number(process.env.MUTATIONS_SEED ?? 1))

let largestAllocation = 0
globalThis.SharedArrayBuffer = new Proxy(SharedArrayBuffer, {
  construct(target, [length]) {
    largestAllocation = Math.max(largestAllocation, length)
    return new target(length)
  },
})
const alloc = Buffer.alloc
Buffer.alloc = (length, ...rest) => {
  largestAllocation = Math.max(largestAllocation, length)
  return alloc(length, ...rest)
}

const outcomes: Record<string, number> = {}
const start = performance.now()
for (let round = 0; round < Number(rounds); round++) {
  const sample = samples[round % samples.length]
  const bytes = round < samples.length ? sample : damaged(sample)
  writeFileSync(path, bytes)
  const before = process.cpuUsage()
  const outcome = await outcomeOf()
  const { user, system } = process.cpuUsage(before)
  const isKnown = outcome === 'valid' || /^[A-Z]+(_[A-Z]+)+$/.test(outcome)
  const isRight = isKnown && (round >= samples.length || outcome === 'valid')
  if (!isRight || user + system > patience * 1e6) {
    const seconds = ((user + system) / 1e6).toFixed(1)
    throw new Error(`round ${round}: ${outcome} after ${seconds} s\n${Buffer.from(bytes).toString('base64')}`)
  }
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}
const seconds = (performance.now() - start) / 1000
const peakBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ outcomes, seconds, peakBytes, largestAllocation }))

/** Half of the archives are damaged in an entry under a right checksum: what reads entries sees the damage, too. */
function damaged(sample: Uint8Array): Uint8Array {
  const inside = random() < 0.5 ? changeEntry(sample, random, (bytes) => mutate(bytes, random)) : null
  return inside ?? mutate(sample, random)
}

/** The code of a proper refusal, `valid`, or what else happened. */
async function outcomeOf(): Promise<string> {
  try {
    await read()
    return 'valid'
  } catch (error) {
    const { name, code, message, stack } = error as Error & { code?: string }
    const isProper = name === 'SaeMatchError' && code !== 'INTERNAL' && code !== 'OUT_OF_MEMORY'
    return isProper && code !== undefined && message.includes(folder) ? code : `${stack}`
  }
}
