import { vi } from 'vitest'

/**
 * Calls `onAllocation` whenever a tensor is allocated, with its bytes, until the function that comes back is called.
 * Tensors are what `SharedArrayBuffer`s are made for.
 */
export function watchAllocations(onAllocation: (bytes: number) => void): () => void {
  const construct = (target: SharedArrayBufferConstructor, [bytes]: [number]) => {
    onAllocation(bytes)
    return new target(bytes)
  }
  vi.stubGlobal('SharedArrayBuffer', new Proxy(SharedArrayBuffer, { construct }))
  return () => void vi.unstubAllGlobals()
}
