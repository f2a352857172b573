// Calls process.exit(7) in the middle of two jobs. argv: addonPath
import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)(process.argv[2])
const n = 2000
const costs = new Float64Array(n * n)
for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) costs[i * n + j] = (i + 1) * (j + 1)
for (const onProgress of [null, () => {}]) {
  const out = [new Int32Array(n), new Int32Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(18)]
  addon.solveMatrix(
    onProgress,
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
}
setTimeout(() => {
  process.stdout.write(String(Date.now()), () => process.exit(7))
}, 200)
