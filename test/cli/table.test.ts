import pc from 'picocolors'
import { describe, expect, it } from 'vitest'
import { renderDefinitions, renderTable, visibleWidth, wrap } from '../../src/cli/table.js'

const plain = (text: string) => text

describe('renderTable', () => {
  it('aligns text to the left and numbers to the right', () => {
    const columns = [
      { title: 'method', align: 'left' },
      { title: 'cost', align: 'right' },
    ] as const
    expect(
      renderTable(
        columns,
        [
          ['folded', '1.5'],
          ['x', '1,234.5'],
        ],
        plain,
      ),
    ).toEqual(['method     cost', 'folded      1.5', 'x       1,234.5'])
  })

  it('gives colour codes no room', () => {
    const { green, bold } = pc.createColors(true)
    const columns = [
      { title: 'a', align: 'right' },
      { title: 'b', align: 'left' },
    ] as const
    const lines = renderTable(
      columns,
      [
        [green('12'), 'x'],
        ['3', 'y'],
      ],
      bold,
    )
    expect(lines.map(visibleWidth)).toEqual([5, 5, 5])
    expect(lines[2]).toBe(' 3  y')
  })
})

describe('wrap', () => {
  it('breaks between words and leaves long words whole', () => {
    expect(wrap('one two three abcdefghijkl', 8)).toEqual(['one two', 'three', 'abcdefghijkl'])
  })
})

describe('renderDefinitions', () => {
  it('keeps the second column straight', () => {
    const lines = renderDefinitions(
      [
        ['--out DIR', 'where results go when they are made'],
        ['-q', 'quiet'],
      ],
      36,
    )
    expect(lines).toEqual(['--out DIR  where results go when', '           they are made', '-q         quiet'])
  })
})
