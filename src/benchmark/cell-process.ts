// One cell in a process of its own: node cell-process.js REQUEST prints its report as one line of JSON.
import { type CellRequest, measureCell } from './cell.js'

const report = await measureCell(JSON.parse(process.argv[2]) as CellRequest)
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
