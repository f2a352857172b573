// Run by interrupt.test.ts: a job that does not listen to its signal.
import { withInterrupt } from '../../src/cli/interrupt.js'

await withInterrupt(console.error, () => {
  console.log('running')
  return new Promise(() => setInterval(() => {}, 1000))
})
