import { describe, expect, it } from 'vitest'
import { createPairsProgress, pairsLine } from '../../src/cli/pairs-progress.js'
import { fakeTerminal } from '../helpers/fake-terminal.js'

const at = (pairsDone: number, millisecondsLeft: number | null = null) => ({
  a: 'x',
  b: 'y',
  phase: 'solve',
  done: 1,
  total: 2,
  pairsDone,
  pairsTotal: 4,
  millisecondsLeft,
})

describe('createPairsProgress', () => {
  it('writes a line a pair in a log, with what is done and what is left', () => {
    const { terminal, notes } = fakeTerminal(false)
    let time = 0
    const progress = createPairsProgress(terminal, false, () => time)
    progress.update(at(0))
    progress.update(at(0))
    progress.finished('x → y  1.0 s')
    progress.update(at(1, 3000))
    time += 31_000
    progress.update(at(1, 90_000))
    expect(notes).toEqual([
      '0/4 pairs  x → y  solve',
      'x → y  1.0 s  [1/4 pairs, 3.0 s left]',
      '1/4 pairs, 1 min 30 s left  x → y  solve',
    ])
  })

  it('draws over one line on a terminal, which makes way for those that stay', () => {
    const { terminal, notes, drawn } = fakeTerminal(true)
    let time = 0
    const progress = createPairsProgress(terminal, false, () => time)
    for (let k = 0; k < 1000; k++) {
      time += 1
      progress.update(at(2, 1000))
    }
    expect(notes).toEqual([])
    expect(drawn.length).toBeGreaterThan(5)
    expect(drawn.length).toBeLessThan(15)
    for (const line of drawn) expect([...line].length).toBeLessThan(60)
    progress.say('! a warning')
    expect([drawn.at(-1), notes]).toEqual(['', ['! a warning']])
  })

  it('names the pair that began first of those at work', () => {
    const { terminal, drawn } = fakeTerminal(true)
    let time = 0
    const progress = createPairsProgress(terminal, false, () => time)
    const tell = (a: string, b: string, phase: string) => {
      time += 1000
      progress.update({ ...at(0), a, b, phase })
    }
    tell('x', 'y', 'load')
    tell('x', 'z', 'load')
    tell('x', 'z', 'cost')
    tell('x', 'y', 'solve')
    tell('x', 'y', 'write') // is over
    tell('x', 'z', 'write')
    const pairs = drawn.map((line) => line.split('0/4 pairs')[1].trim())
    expect(pairs).toEqual([
      'x → y  load',
      'x → y  load  and 1 other',
      'x → y  load  and 1 other',
      'x → y  solve  and 1 other',
      'x → z  cost',
      '',
    ])
  })

  it('says nothing when quiet', () => {
    const { terminal, notes, drawn } = fakeTerminal(true)
    const progress = createPairsProgress(terminal, true)
    progress.finished('x')
    progress.update(at(1))
    progress.say('y')
    progress.clear()
    expect([...notes, ...drawn]).toEqual([])
  })
})

describe('pairsLine', () => {
  const solving = (title: string) => ({ title, phase: 'solve' })

  it('promises nothing at the ends', () => {
    const line = pairsLine(at(1, 2000), [solving('x → y')], true)
    expect(line).toBe(`${'━'.repeat(5)}${'─'.repeat(15)}  1/4 pairs, 2.0 s left  x → y  solve`)
    expect(pairsLine(at(4, 0), [], false)).toBe('4/4 pairs')
  })

  it('names one pair of several', () => {
    const titles = ['x → y', 'x → z', 'y → z'].map(solving)
    expect(pairsLine(at(1), titles.slice(0, 2), false)).toBe('1/4 pairs  x → y  solve  and 1 other')
    expect(pairsLine(at(1), titles, false)).toBe('1/4 pairs  x → y  solve  and 2 others')
  })
})
