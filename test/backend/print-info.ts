import type { BackendRequest } from '../../src/backend/environment.js'
import { backendAvailability, backendInfo } from '../../src/backend/info.js'

const answer = () => {
  try {
    return { info: backendInfo(process.argv[2] as BackendRequest), availability: backendAvailability() }
  } catch (error) {
    const { code, message } = error as Error & { code: string }
    return { error: { code, message } }
  }
}
console.log(JSON.stringify(answer()))
