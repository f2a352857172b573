// A worker thread that solves (i + 1)(j + 1) on the bare addon. workerData: addonPath, n, solver.
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

const { addonPath, n, solver } = workerData
const addon = createRequire(import.meta.url)(addonPath)
const costs = new Float64Array(n * n)
for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) costs[i * n + j] = (i + 1) * (j + 1)

const out = [new Int32Array(n), new Int32Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(18)]
const { promise } = addon.solveMatrix(
  () => {},
  costs,
  3,
  n,
  n,
  n,
  1,
  0,
  false,
  Number.POSITIVE_INFINITY,
  solver,
  false,
  1,
  null,
  Number.POSITIVE_INFINITY,
  ...out,
)
parentPort.postMessage('started')
await promise
const [rowToColumn, , , , [cost]] = out
parentPort.postMessage({ cost, rowToColumn })
