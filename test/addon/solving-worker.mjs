// A worker thread that solves (i + 1)(j + 1) on the bare addon. workerData: addonPath, n, solver.
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

const { addonPath, n, solver } = workerData
const addon = createRequire(import.meta.url)(addonPath)
const costs = new Float64Array(n * n)
for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) costs[i * n + j] = (i + 1) * (j + 1)

const layout = Float64Array.of(3, n, n, n, 1, 0)
const { promise } = addon.solveMatrix(
  () => {},
  costs,
  layout,
  false,
  Number.POSITIVE_INFINITY,
  solver,
  false,
  1,
  null,
  Number.POSITIVE_INFINITY,
)
parentPort.postMessage('started')
const { cost, rowToColumn } = await promise
parentPort.postMessage({ cost, rowToColumn })
