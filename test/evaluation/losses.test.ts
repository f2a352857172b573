import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lossesOfPairs, readLosses } from '../../src/evaluation/losses.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const read = (pairs: unknown) => {
  const path = join(folder, 'losses.json')
  writeFileSync(path, JSON.stringify({ pairs }))
  return readLosses(path)
}
const measured = (matched: number, more: object = {}) => ({ a: 'x', b: 'y', loss: 3, losses: { matched }, ...more })
const match = (stem: string, a = 'x', b = 'y') => ({ stem, a, b })

describe('losses of pairs', () => {
  it('are changes, by the names of the SAEs or by that of the match', async () => {
    const losses = await read([measured(3.5), measured(4, { pair: 'x--z.1', b: 'z' }), measured(9, { a: 'elsewhere' })])
    const found = lossesOfPairs(losses, [match('x--y.1'), match('x--z.1', 'x', 'z'), match('x--z.2', 'x', 'z')])
    expect(found.map((change) => change && Object.fromEntries(change))).toEqual([
      { matched: 0.5 },
      { matched: 1 },
      null,
    ])
  })

  it('are not taken for those of a chain between the same SAEs', async () => {
    const losses = await read([measured(3.5, { pair: 'x--y.1' })])
    expect(lossesOfPairs(losses, [match('x--w--y')])).toEqual([null])
  })

  it('are those of one match: names do not choose between several', async () => {
    const losses = await read([measured(3.5)])
    expect(() => lossesOfPairs(losses, [match('x--y.1'), match('x--y.2')])).toThrow(
      /losses.json: pairs\[0\].*x--y.1, x--y.2/,
    )
    // the same match in two runs
    expect(lossesOfPairs(losses, [match('x--y.1'), match('x--y.1')]).map((change) => change?.get('matched'))).toEqual([
      0.5, 0.5,
    ])
  })

  it('are given once', async () => {
    const losses = await read([measured(3.5), measured(4, { pair: 'x--y.1' })])
    expect(() => lossesOfPairs(losses, [match('x--y.1')])).toThrow(/pairs\[1\].*pairs\[0\]/)
  })

  it.each<[string, unknown]>([
    ['a list', {}],
    ['an object for pairs[0]', [7]],
    ['"losses" in pairs[0]', [{ a: 'x', b: 'y', loss: 3 }]],
    ['numbers in pairs[0].losses', [measured(3, { losses: { matched: '3' } })]],
    ['"pair"', [measured(3, { pair: 5 })]],
  ])('%s', async (expected, pairs) => {
    await expectFailure(read(pairs), 'FORMAT_INVALID', 'losses.json', expected)
  })
})
