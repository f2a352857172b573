// Run by atomic-file.test.ts under a limit on file sizes: node ... write-too-much.ts PATH
import { writeFileAtomically } from '../../src/output/atomic-file.js'

const error = await writeFileAtomically(process.argv[2], new Uint8Array(1 << 20)).catch((cause) => cause)
console.log(JSON.stringify({ code: error?.code, message: error?.message }))
