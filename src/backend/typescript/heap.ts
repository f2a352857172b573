/** A binary min-heap of items by key, equal keys by lower item. It grows as needed. */
export interface Heap {
  keys: Float64Array
  items: Int32Array
  size: number
}

export function createHeap(capacity: number): Heap {
  const room = Math.max(16, capacity)
  return { keys: new Float64Array(room), items: new Int32Array(room), size: 0 }
}

export function push(heap: Heap, key: number, item: number): void {
  if (heap.size === heap.keys.length) grow(heap)
  const { keys, items } = heap
  let at = heap.size++
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (keys[parent] < key || (keys[parent] === key && items[parent] <= item)) break
    keys[at] = keys[parent]
    items[at] = items[parent]
    at = parent
  }
  keys[at] = key
  items[at] = item
}

/** Takes the least item out; the heap must not be empty. Its key is `heap.keys[0]` before the call. */
export function pop(heap: Heap): number {
  const top = heap.items[0]
  const last = --heap.size
  if (last > 0) sink(heap, heap.keys[last], heap.items[last])
  return top
}

/** Gives the least item another key, not below its present one. */
export function replaceTopKey(heap: Heap, key: number): void {
  sink(heap, key, heap.items[0])
}

/** Puts (key, item) at the root and lets it sink to its place. */
function sink({ keys, items, size }: Heap, key: number, item: number): void {
  let at = 0
  while (true) {
    let child = 2 * at + 1
    if (child >= size) break
    const other = child + 1
    if (other < size && (keys[other] < keys[child] || (keys[other] === keys[child] && items[other] < items[child]))) {
      child = other
    }
    if (key < keys[child] || (key === keys[child] && item < items[child])) break
    keys[at] = keys[child]
    items[at] = items[child]
    at = child
  }
  keys[at] = key
  items[at] = item
}

function grow(heap: Heap): void {
  const keys = new Float64Array(2 * heap.keys.length)
  const items = new Int32Array(2 * heap.items.length)
  keys.set(heap.keys)
  items.set(heap.items)
  heap.keys = keys
  heap.items = items
}
