// Run with --expose-gc. Prints what was alive when, as JSON. argv: addonPath
import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)(process.argv[2])
const n = 700
const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

/** Starts a job whose input nobody else holds, and keeps nothing of its result alive. */
function start() {
  const costs = new Float64Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) costs[i * n + j] = (i + 1) * (j + 1)
  const out = [new Int32Array(n), new Int32Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(18)]
  const { promise } = addon.solveMatrix(
    null,
    costs,
    3,
    n,
    n,
    n,
    1,
    0,
    false,
    Number.POSITIVE_INFINITY,
    0,
    false,
    1,
    null,
    Number.POSITIVE_INFINITY,
    ...out,
  )
  const ended = promise.then(() => ({ cost: out[4][0], result: new WeakRef(out[0]) }))
  return { input: new WeakRef(costs), ended }
}

const { input, ended } = start()
let running = true
ended.finally(() => {
  running = false
})
let collections = 0
let collectedWhileRunning = 0
while (running) {
  globalThis.gc()
  collections++
  if (running && input.deref() === undefined) collectedWhileRunning++
  await turn()
}
const { cost, result } = await ended
for (let i = 0; i < 20 && (input.deref() ?? result.deref()) !== undefined; i++) {
  await turn()
  globalThis.gc()
}
console.log(
  JSON.stringify({
    collections,
    collectedWhileRunning,
    cost,
    inputAlive: input.deref() !== undefined,
    resultAlive: result.deref() !== undefined,
  }),
)
