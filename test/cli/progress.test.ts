import { describe, expect, it } from 'vitest'
import { createProgress, progressLine } from '../../src/cli/progress.js'
import { fakeTerminal } from '../helpers/fake-terminal.js'

describe('createProgress', () => {
  it('draws over one line on a terminal, ten times a second at most', () => {
    const { terminal, notes, drawn } = fakeTerminal(true)
    let time = 0
    const progress = createProgress(terminal, false, () => time)
    progress.begin('a → b')
    for (let done = 1; done <= 1000; done++) {
      time += 1
      progress.update({ phase: 'cost', done, total: 1000 })
    }
    progress.clear()
    expect(notes).toEqual([])
    expect(drawn.length).toBeGreaterThan(5)
    expect(drawn.length).toBeLessThan(15)
    for (const line of drawn) expect([...line].length).toBeLessThan(60)
    expect(drawn.at(-1)).toBe('')
  })

  it('writes a plain line now and then in a log', () => {
    const { terminal, notes } = fakeTerminal(false)
    let time = 0
    const progress = createProgress(terminal, false, () => time)
    progress.begin('a → b')
    for (let done = 1; done <= 100; done++) {
      time += 250
      progress.update({ phase: 'solve', done, total: 100 })
    }
    expect(notes).toEqual(['a → b', 'a → b  solve  40 %  14.6 s left', 'a → b  solve  80 %  4.9 s left'])
  })

  it.each([true, false])('says nothing when quiet (terminal: %s)', (live) => {
    const { terminal, notes, drawn } = fakeTerminal(live)
    const progress = createProgress(terminal, true)
    progress.begin('a → b')
    progress.update({ phase: 'cost', done: 1, total: 1 })
    progress.clear()
    expect([...notes, ...drawn]).toEqual([])
  })
})

describe('progressLine', () => {
  it('estimates what is left from what is done', () => {
    const line = progressLine('a → b', { phase: 'cost', done: 25, total: 100 }, 2000, true)
    expect(line).toBe(`a → b  cost  ${'━'.repeat(5)}${'─'.repeat(15)}  25 %  6.0 s left`)
  })

  it('promises nothing at the ends', () => {
    expect(progressLine('t', { phase: 'cost', done: 0, total: 10 }, 0, false)).toBe('t  cost  0 %')
    expect(progressLine('t', { phase: 'cost', done: 10, total: 10 }, 9, false)).toBe('t  cost  100 %')
    expect(progressLine('t', { phase: 'cost', done: 0, total: 0 }, 9, false)).toBe('t  cost  0 %')
  })
})
