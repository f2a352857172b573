import { expect, it } from 'vitest'
import { addon, describeWithAddon, matrixProblem, native, slowCosts } from '../helpers/addon.js'
import { expectFailure } from '../helpers/errors.js'

/** More than 16 MiB: read where it is. */
const bigSize = 1600
/** Takes jv a while, so that something can happen meanwhile. */
const slow = { solver: 'jv' } as const

/** The cost of the anti-diagonal, the optimum of `slowCosts`. */
function optimum(n: number): number {
  let cost = 0
  for (let i = 0; i < n; i++) cost += (i + 1) * (n - i)
  return cost
}

describeWithAddon('memory of the inputs', () => {
  it('reads arrays at an offset, shared or not', async () => {
    for (const buffer of [new ArrayBuffer(1024), new SharedArrayBuffer(1024)]) {
      const costs = new Float64Array(buffer, 64, 4)
      new Float64Array(buffer).fill(1000)
      costs.set([5, 1, 2, 7])
      const { cost, rowToColumn } = await native().solve(matrixProblem(costs, 2, 2), {})
      expect(cost).toBe(3)
      expect([...rowToColumn]).toEqual([1, 0])
      expect(native().solveSync(matrixProblem(costs, 2, 2)).cost).toBe(3)
    }
  })

  it('copies small arrays: what happens to them later does not matter', async () => {
    const n = 400
    const costs = slowCosts(n)
    const solving = native().solve(matrixProblem(costs, n, n, slow), {})
    costs.fill(0)
    structuredClone(costs.buffer, { transfer: [costs.buffer as ArrayBuffer] })
    expect((await solving).cost).toBe(optimum(n))
  })

  it('reads big shared arrays without a copy', async () => {
    const costs = slowCosts(bigSize, new SharedArrayBuffer(bigSize * bigSize * 8))
    expect((await native().solve(matrixProblem(costs, bigSize, bigSize), {})).cost).toBe(optimum(bigSize))
  })

  it('notices that a big array was transferred away during the job', async () => {
    const costs = slowCosts(bigSize)
    const solving = native().solve(matrixProblem(costs, bigSize, bigSize, slow), {})
    const elsewhere = structuredClone(costs.buffer, { transfer: [costs.buffer as ArrayBuffer] })
    await expectFailure(solving, 'INPUT_DETACHED', 'transferred')
    expect(elsewhere.byteLength).toBe(bigSize * bigSize * 8)
  })

  it('refuses an array whose memory is gone already', async () => {
    for (const n of [2, bigSize]) {
      const costs = new Float64Array(n * n)
      structuredClone(costs.buffer, { transfer: [costs.buffer] })
      await expectFailure(native().solve(matrixProblem(costs, n, n), {}), 'INPUT_DETACHED', '`costs`')
      expect(() => native().solveSync(matrixProblem(costs, n, n))).toThrow(
        expect.objectContaining({ code: 'INPUT_DETACHED' }),
      )
    }
  })

  it('refuses buffers that can change their length, except in synchronous calls', async () => {
    const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer
    const Growable = SharedArrayBuffer as unknown as typeof Resizable
    for (const Buffer of [Resizable, Growable]) {
      const costs = new Float64Array(new Buffer(32, { maxByteLength: 64 }))
      costs.set([5, 1, 2, 7])
      const failing = native().solve(matrixProblem(costs, 2, 2), {})
      await expectFailure(failing, 'INVALID_ARGUMENT', '`costs`', 'fixed length')
      expect(native().solveSync(matrixProblem(costs, 2, 2)).cost).toBe(3)
    }
  })

  it('gives results in arrays of their own, not over memory of the addon', async () => {
    const { rowToColumn, u } = await native().solve(matrixProblem(slowCosts(10), 10, 10), {})
    for (const array of [rowToColumn, u]) {
      expect(array.byteOffset).toBe(0)
      expect(array.buffer.byteLength).toBe(array.byteLength)
      structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
    }
  })

  it('gives results of synchronous calls that later calls leave alone', () => {
    for (const n of [3, 2000]) {
      const solve = (sign: number) => {
        const costs = Float64Array.from({ length: n * n }, (_, e) => sign * (e % n) * Math.floor(e / n))
        return native().solveSync(matrixProblem(costs, n, n, { neighbours: true }))
      }
      const first = solve(1)
      const copy = structuredClone(first)
      const second = solve(-1)
      expect(first).toEqual(copy)
      expect(second.cost).not.toBe(first.cost)
      expect([...second.rowToColumn]).toEqual([...first.rowToColumn].reverse())
    }
  })

  it('says what a matrix that cannot be allocated would take', async () => {
    const rows = {
      blocks: [{ name: 'features', matrix: rowless(2 ** 31 - 1), scale: null }],
      count: 2 ** 31 - 1,
      width: 0,
      index: null,
    } as const
    await expectFailure(native().costMatrix(rows, rows, {}), 'OUT_OF_MEMORY', '2147483647 x 2147483647')
  })

  it('leaves a failing call without effect', async () => {
    const out = new Float64Array(1)
    expect(() => addon.squaredRowNorms(new Float64Array(4), 3, 2, 2, 2, 1, 0, out)).toThrow('`out`')
  })
})

/** A matrix of many rows that takes no memory. */
function rowless(rows: number) {
  return {
    data: new Float32Array(0),
    dtype: 'f32',
    rows,
    columns: 0,
    rowStride: 0,
    columnStride: 1,
    offset: 0,
  } as const
}
