import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { dtypeOrder, proofOrder, type RowsArguments, solverOrder, sourceOrder } from '../../src/backend/addon-types.js'
import { solutionArrays } from '../../src/backend/solution-arrays.js'
import { addon, describeWithAddon } from '../helpers/addon.js'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it.each([
  ['Dtype', 'matrix_view.h', dtypeOrder],
  ['Solver', 'assignment.h', solverOrder],
  ['Source', 'assignment.h', sourceOrder],
  ['Proof', 'assignment.h', proofOrder],
])('enum %s has the same order on both sides', (name, header, order) => {
  const [, body] =
    new RegExp(`enum class ${name} [^{]*{([^}]*)}`).exec(read(`native/include/sae_match/${header}`)) ?? []
  const members = body?.split(',').map((member) => member.trim())
  expect(members).toEqual(order.map((member, index) => `${member} = ${index}`))
})

describeWithAddon('the addon', () => {
  it('has every function of addon-types.ts and no other', () => {
    const [, body] = /export interface Addon {(.*?)\n}/s.exec(read('src/backend/addon-types.ts')) ?? []
    const declared = [...(body ?? '').matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name)
    const exported = Object.entries(addon).filter(([, value]) => typeof value === 'function')
    expect(exported.map(([name]) => name).sort()).toEqual(declared.sort())
  })

  // [dtype, rows, columns, rowStride, columnStride, offset] that do not fit four f64 numbers.
  it.each([
    ['too many rows', [3, 3, 2, 2, 1, 0], 'at least 6 elements'],
    ['an offset beyond the end', [3, 2, 2, 2, 1, 1], 'at least 5 elements'],
    ['strides beyond the end', [3, 2, 2, 3, 1, 0], 'at least 5 elements'],
    ['products beyond 64 bits', [3, 2 ** 31 - 1, 2, 2 ** 53 - 1, 1, 0], 'elements'],
    ['a negative stride', [3, 2, 2, -2, 1, 2], 'costs.rowStride'],
    ['a fraction', [3, 1.5, 2, 2, 1, 0], 'costs.rows'],
    ['NaN', [3, Number.NaN, 2, 2, 1, 0], 'costs.rows'],
    ['an unknown dtype', [4, 2, 2, 2, 1, 0], 'costs.dtype'],
    ['another dtype than that of the array', [2, 2, 2, 2, 1, 0], 'another kind'],
  ])('refuses a layout with %s', (_, layout, message) => {
    const solve = () =>
      addon.solveMatrixSync(
        new Float64Array(4),
        ...(layout as [number, number, number, number, number, number]),
        false,
        Number.POSITIVE_INFINITY,
        0,
        false,
        1,
        null,
        Number.POSITIVE_INFINITY,
        ...solutionArrays(2, 2, false),
      )
    expect(solve).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(solve).toThrow(message)
  })

  it.each([
    ['a DataView', new DataView(new ArrayBuffer(32))],
    ['an array', [1, 2, 3, 4]],
    ['null', null],
    ['an Int32Array', new Int32Array(4)],
    ['a Float32Array of another dtype', new Float32Array(4)],
  ])('refuses %s in place of its numbers', (_, data) => {
    expect(() => addon.squaredRowNorms(data as never, 3, 2, 2, 2, 1, 0, new Float64Array(2))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  /** Three rows of two f32 numbers each, as the addon takes them. */
  const rows = (count: number, index: Int32Array | null, width = 2, identity = 0): RowsArguments => [
    [new Float32Array(3 * width)],
    [null],
    index,
    Float64Array.of(count, 2, 3, width, width, 1, 0, identity),
  ]

  it.each([
    [2, [0, 3]],
    [1, [-1]],
    [2, [0]],
    [4, null],
  ])('refuses %i rows with the index %j of three', (count, index) => {
    expect(() => addon.squaredBlockNorms(...rows(count, index && Int32Array.from(index)), new Float64Array(4))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  it.each([-1, 0.5, 2 ** 53])('refuses %d as an identity', (identity) => {
    expect(() => addon.squaredBlockNorms(...rows(3, null, 2, identity), new Float64Array(3))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('identity') }),
    )
  })

  it('refuses pairs of rows that are not there', () => {
    const call = (a: number, b: number) =>
      addon.pairCosts(...rows(3, null), ...rows(2, null), 1, Int32Array.of(a), Int32Array.of(b), new Float64Array(1))
    for (const [a, b] of [
      [3, 0],
      [0, 2],
      [-1, 0],
    ]) {
      expect(() => call(a, b)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })

  it('refuses rows without numbers', () => {
    expect(() =>
      addon.nearestRows(
        null,
        ...rows(3, null, 0),
        ...rows(3, null, 0),
        1,
        0,
        '',
        new Int32Array(3),
        new Float64Array(3),
      ),
    ).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('at least one number') }),
    )
  })

  it('refuses rows of different widths', () => {
    expect(() => addon.costMatrix(null, ...rows(3, null), ...rows(3, null, 4), new Float32Array(9))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('widths') }),
    )
  })

  it.each([[undefined], [null], [{}], [42], [() => {}]])('refuses %s as a job', (handle) => {
    expect(() => addon.cancel(handle as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('takes a job twice, and after its end', async () => {
    const { promise, job } = addon.squaredRowNorms(new Float64Array(4), 3, 2, 2, 2, 1, 0, new Float64Array(2))
    await promise
    addon.cancel(job)
    addon.cancel(job)
  })
})
