import { describe, expect, it } from 'vitest'
import { parsePairList } from '../../src/cli/pair-list.js'

describe('parsePairList', () => {
  it('takes tabs or commas, and passes over comments and empty lines', () => {
    const text = '# A, B\n\nlayer_1, layer_2\r\n  a,b/layer_3\tc d/layer_4\n   \nx,y'
    expect(parsePairList(text, 'list.txt')).toEqual([
      { a: 'layer_1', b: 'layer_2', where: 'list.txt:3' },
      { a: 'a,b/layer_3', b: 'c d/layer_4', where: 'list.txt:4' },
      { a: 'x', b: 'y', where: 'list.txt:6' },
    ])
  })

  it.each([
    ['one', 'list.txt:1: expected two paths or names with a tab or a comma between them, found "one"'],
    ['a,b\na,', 'list.txt:2: '],
    ['a,b\n\na,b,c', 'list.txt:3: '],
    ['a\tb\t', 'list.txt:1: '],
    ['# nothing\n', 'list.txt: expected pairs, found none'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePairList(text, 'list.txt')).toThrow(expect.objectContaining({ code: 'FORMAT_INVALID' }))
    expect(() => parsePairList(text, 'list.txt')).toThrow(message)
  })
})
