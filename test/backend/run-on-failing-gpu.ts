// Run by failing-gpu.test.ts: node ... run-on-failing-gpu.ts REQUEST SAES OUT PLAN; prints what becomes of jobs of which
// each meets the planned failure, one line of JSON.
import {
  type BackendRequest,
  backendInfo,
  loadSae,
  match,
  matchPairs,
  nearest,
  solveAssignment,
  solveAssignmentSync,
} from '../../src/index.js'
import { makeRows } from '../helpers/feature-rows.js'

const [request, saes, out, plan] = process.argv.slice(2)
const backend = request as BackendRequest
const warnings: string[] = []
process.on('warning', ({ message, ...rest }) => warnings.push(`${(rest as { code?: string }).code}: ${message}`))

let jobs = 0
/** A plan begins anew when its text changes. */
const planned = async (job: () => Promise<unknown>): Promise<unknown> => {
  process.env.SAE_MATCH_CUDA_ON_CPU = `${plan} job=${jobs++}`
  try {
    return await job()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const before = backendInfo(backend)
const costs = { a: makeRows(20, 1), b: makeRows(25, 2) }
const [a, b] = [await loadSae(`${saes}/layer_1`), await loadSae(`${saes}/layer_2`)]
const options = { backend, out, pairs: 'all' } as const
const found = {
  solve: await planned(async () => {
    const solved = await solveAssignment(costs, { backend })
    const expected = await solveAssignment(costs, { backend: 'native' })
    return [solved.backend, solved.cost === expected.cost, `${solved.rowToColumn}` === `${expected.rowToColumn}`]
  }),
  sync: await planned(async () => solveAssignmentSync(costs, { backend }).backend),
  match: await planned(async () => (await match(a, b, { backend })).provenance.backend),
  nearest: await planned(async () => (await nearest(a, b, { backend })).backend),
  pairs: await planned(async () => {
    const run = await matchPairs(saes, options)
    return {
      ran: run.pairs.map(({ record }) => record.ran.backend),
      recorded: run.pairs.map(({ record }) => record.options.backend),
      failed: run.failed.map(({ code }) => code),
    }
  }),
}
process.env.SAE_MATCH_CUDA_ON_CPU = ''
const again = await matchPairs(saes, options).then(
  (run) => ({ reused: run.pairs.map(({ reused }) => reused), failed: run.failed.map(({ code }) => code) }),
  ({ code }) => code,
)
const later = await solveAssignment(costs, { backend }).then(
  ({ backend }) => backend,
  ({ code }) => code,
)
const { active, reasons } = backendInfo(backend)
const after = { active, reasons: reasons.map(({ backend, code, hint }) => [backend, code, hint.length > 0]) }
console.log(JSON.stringify({ before: before.active, ...found, again, later, after, warnings }))
