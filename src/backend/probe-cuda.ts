// The probe of the GPUs in a process of its own, which a broken driver may end: prints one line of JSON.
import { type CudaLoad, loadCuda } from './cuda.js'

function probe(): CudaLoad {
  try {
    return loadCuda()
  } catch (error) {
    const { code, message, hint = '' } = error as { code: 'INVALID_ENVIRONMENT'; message: string; hint?: string }
    return { info: null, failure: { code, message, hint }, demanded: true }
  }
}

process.stdout.write(`${JSON.stringify(probe())}\n`, () => process.exit(0))
