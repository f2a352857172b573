import { allocateShared } from './memory.js'

/**
 * The shared memory of one job, which goes to the next when the job has ended. The garbage collector does not see how
 * big shared memory is: without this, that of many finished jobs would pile up before it is collected.
 */
export interface Loan {
  /** As {@link allocateShared}, but whatever was there before may still be. */
  readonly allocate: typeof allocateShared
  /** No one may use what was allocated from now on. */
  end(): void
}

/** What no job has now. Weakly held: what the next job cannot use either may be collected. */
const free: WeakRef<SharedArrayBuffer>[] = []

/** Memory much bigger than needed is left for those who need it. */
const largestWaste = 2

export function openLoan(): Loan {
  const lent: SharedArrayBuffer[] = []
  return {
    allocate(Type, length, what) {
      const usedBefore = takeFree(Type.BYTES_PER_ELEMENT * length)
      const array = usedBefore === null ? allocateShared(Type, length, what) : new Type(usedBefore, 0, length)
      lent.push(array.buffer as SharedArrayBuffer)
      return array
    },
    end() {
      for (const buffer of lent.splice(0)) free.push(new WeakRef(buffer))
    },
  }
}

function takeFree(bytes: number): SharedArrayBuffer | null {
  for (let i = free.length - 1; i >= 0; i--) {
    const buffer = free[i].deref()
    if (buffer !== undefined && (buffer.byteLength < bytes || buffer.byteLength > largestWaste * bytes)) continue
    free.splice(i, 1)
    if (buffer !== undefined) return buffer
  }
  return null
}
