import { expect, it } from 'vitest'
import { createHeap, pop, push, replaceTopKey } from '../../../src/backend/typescript/heap.js'
import { mulberry32 } from '../../helpers/random.js'

it('gives items by key, equal keys by item, and grows', () => {
  const random = mulberry32(1)
  const heap = createHeap(4)
  const items = Array.from({ length: 500 }, (_, item) => ({ key: Math.floor(random() * 40), item }))
  for (const { key, item } of items) push(heap, key, item)
  items.sort((x, y) => x.key - y.key || x.item - y.item)
  for (const { key, item } of items) {
    expect(heap.keys[0]).toBe(key)
    expect(pop(heap)).toBe(item)
  }
  expect(heap.size).toBe(0)
})

it('moves its first item back when that gets a later key', () => {
  const heap = createHeap(0)
  for (const [key, item] of [
    [1, 10],
    [2, 11],
    [3, 12],
  ]) {
    push(heap, key, item)
  }
  replaceTopKey(heap, 2.5)
  expect([pop(heap), pop(heap), pop(heap)]).toEqual([11, 10, 12])
})
