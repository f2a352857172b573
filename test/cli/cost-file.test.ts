import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCosts } from '../../src/cli/cost-file.js'
import { watchAllocations } from '../helpers/allocations.js'
import { expectFailure } from '../helpers/errors.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const path = join(temporaryFolder(), 'costs.npy')

describe('readCosts', () => {
  it.each([
    ['f32 by rows', '<f4', false, [0x3f, 0xc0], Float32Array],
    ['f32 by columns', '<f4', true, [0x3f, 0xc0], Float32Array],
  ] as const)('takes %s as it lies there', async (_, descr, byColumns, upper, type) => {
    const number = [0, 0, upper[1], upper[0]]
    writeFileSync(path, npyBytes(descr, [2, 3], new Array(6).fill(number).flat(), byColumns))
    let allocations = 0
    const stop = watchAllocations(() => allocations++)
    try {
      const { data, ...shape } = await readCosts(path)
      expect(shape).toEqual({ rows: 2, columns: 3, byColumns })
      expect(data).toEqual(new type(6).fill(1.5))
    } finally {
      stop()
    }
    expect(allocations).toBe(1)
  })

  it.each([false, true])('widens integers in the order in which they lie there (by columns: %s)', async (byColumns) => {
    writeFileSync(path, npyBytes('|i1', [2, 3], [1, 2, 3, 4, 5, 0xff], byColumns))
    const costs = await readCosts(path)
    expect(costs).toEqual({ data: Float64Array.of(1, 2, 3, 4, 5, -1), rows: 2, columns: 3, byColumns })
  })

  it('says what there was no memory for', async () => {
    writeFileSync(path, npyBytes('|i1', [2, 3], [1, 2, 3, 4, 5, 6]))
    const stop = watchAllocations((bytes) => {
      if (bytes === 48) throw new RangeError('Array buffer allocation failed')
    })
    try {
      await expectFailure(readCosts(path), 'OUT_OF_MEMORY', `${path} in f64 needs 48 bytes`)
    } finally {
      stop()
    }
  })

  it('stops when told to', async () => {
    writeFileSync(path, npyBytes('|i1', [2, 3], [1, 2, 3, 4, 5, 6]))
    const reason = new Error('enough')
    await expect(readCosts(path, undefined, AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})
