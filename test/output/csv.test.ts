import { expect, it } from 'vitest'
import { encodeCsv } from '../../src/output/csv.js'

it.each([
  { cell: 'plain', written: 'plain' },
  { cell: 'a,b', written: '"a,b"' },
  { cell: 'say "x"', written: '"say ""x"""' },
  { cell: 'two\nlines', written: '"two\nlines"' },
  { cell: '=1+1', written: "'=1+1" },
  { cell: '@SUM(A1)', written: "'@SUM(A1)" },
  { cell: '+x', written: "'+x" },
  { cell: '-x', written: "'-x" },
  { cell: '=a,"b"', written: '"\'=a,""b"""' },
  { cell: '\t=1', written: "'\t=1" },
  { cell: -0.5, written: '-0.5' },
  { cell: 1e-7, written: '1e-7' },
  { cell: Number.NaN, written: '' },
  { cell: null, written: '' },
])('writes $cell as $written', ({ cell, written }) => {
  expect(encodeCsv(['name'], [[cell]])).toBe(`name\n${written}\n`)
})

it('ends every line and keeps the order of columns', () => {
  expect(
    encodeCsv(
      ['a', 'b'],
      [
        [1, 'x'],
        [2, 'y'],
      ],
    ),
  ).toBe('a,b\n1,x\n2,y\n')
})
