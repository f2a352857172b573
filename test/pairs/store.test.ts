import { describe, expect, it } from 'vitest'
import { createStore } from '../../src/pairs/store.js'

/** A store over things of one byte, and what it loads. */
function storeOf(plan: string, memory: number, load: (key: string) => Promise<string> = async (key) => key) {
  const loaded: string[] = []
  const store = createStore(
    [...plan],
    (key) => {
      loaded.push(key)
      return load(key)
    },
    () => 1,
    memory,
  )
  const use = (keys: string) => {
    for (const key of keys) {
      store.take(key).catch(() => {})
      store.release(key)
    }
    return loaded.join('')
  }
  return { ...store, use, loaded }
}

describe('createStore', () => {
  it('loads once what fits', () => {
    expect(storeOf('abcabc', 3).use('abcabc')).toBe('abc')
  })

  it('lets go of what is needed last', () => {
    // at c, a is needed next and b last
    expect(storeOf('abcab', 2).use('abcab')).toBe('abcb')
  })

  it('lets go of what is needed no more before anything else', () => {
    expect(storeOf('abcb', 2).use('abcb')).toBe('abc')
  })

  it('keeps what is in use, whatever the budget', () => {
    const { take, release, loaded } = storeOf('aba', 0)
    take('a')
    take('b')
    take('a')
    expect(loaded.join('')).toBe('ab')
    for (const key of 'aba') release(key)
  })

  it('loads what failed no second time while it is held', async () => {
    const { take, loaded } = storeOf('aa', 9, async () => {
      throw new Error('damaged')
    })
    await expect(take('a')).rejects.toThrow('damaged')
    await expect(take('a')).rejects.toThrow('damaged')
    expect(loaded).toEqual(['a'])
  })
})
