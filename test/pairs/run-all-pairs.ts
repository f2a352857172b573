// Run by kill.test.ts: node ... run-all-pairs.ts SAES OUT IN_FLIGHT; says which pairs are done, one a line.
import { writeSync } from 'node:fs'
import { matchPairs } from '../../src/pairs/match-pairs.js'

const [saes, out, inFlight] = process.argv.slice(2)
await matchPairs(saes, {
  pairs: 'all',
  out,
  inFlight: Number(inFlight),
  onPair: ({ file, reused }) => reused || writeSync(1, `${file}\n`),
}).catch(({ code, message }) => writeSync(1, `${code} ${message}\n`))
