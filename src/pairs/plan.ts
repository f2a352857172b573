import type { PairOfSaes } from './select.js'

/** A part of a run that is split over machines: number `index` of `count`, from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * The pairs of one shard: a run of neighbours in the list, so that a shard needs few SAEs. The shards of a list are a
 * partition of it, and differ by one pair at most.
 */
export function shardOf<T>(pairs: readonly T[], { index, count }: Shard): T[] {
  const from = (part: number) => Math.floor((part * pairs.length) / count)
  return pairs.slice(from(index - 1), from(index))
}

/**
 * The pairs in an order that loads every SAE once where `memory` holds them all, and few of them twice where it does
 * not: as many SAEs as fit stay while all others that have pairs with them pass by, then the next ones stay. The others
 * pass in turns up and down, so that the last one of a turn is the first of the next. Every SAE stays no longer than its
 * pairs ask for: neighbouring layers need two at a time.
 *
 * @param bytes what each SAE takes
 */
export function orderPairs<T extends PairOfSaes>(pairs: readonly T[], bytes: readonly number[], memory: number): T[] {
  const ordered: T[] = []
  let left = [...pairs]
  let upwards = true
  while (left.length > 0) {
    const staying = stayingSaes(left, bytes, memory)
    const first = ({ a, b }: T) => Math.min(turn(a), turn(b))
    const last = ({ a, b }: T) => Math.max(turn(a), turn(b))
    // those that stay come in one after the other, then each of the others meets all of them
    const turn = (sae: number) => (staying.has(sae) ? sae : bytes.length + (upwards ? sae : bytes.length - sae))
    ordered.push(
      ...left
        .filter(({ a, b }) => staying.has(a) || staying.has(b))
        .sort((x, y) => last(x) - last(y) || first(x) - first(y)),
    )
    left = left.filter(({ a, b }) => !staying.has(a) && !staying.has(b))
    upwards = !upwards
  }
  return ordered
}

/**
 * How many pairs are computed at once on the CPU unless the caller says: two, so that one is scored and written while the
 * next is solved, where the costs of any two take no more memory than those of one may.
 *
 * @param entries how many costs each pair has
 * @param memoryBudget bytes that the costs of one pair may take
 */
export function pairsAtOnce(entries: readonly number[], memoryBudget: number): 1 | 2 {
  const [most = 0, second = 0] = entries.toSorted((x, y) => y - x)
  return (most + second) * Float32Array.BYTES_PER_ELEMENT <= memoryBudget ? 2 : 1
}

/**
 * The same where costs lie on GPUs, which wait for room there by themselves: a pair for every thread that may finish it,
 * and one that is scored and written meanwhile, as long as the SAEs of so many fit into memory.
 *
 * @param pairs in the order in which they begin: those at work at one time are neighbours in it, but for stragglers
 * @param bytes what each SAE takes
 */
export function pairsAtOnceOnGpus(
  pairs: readonly PairOfSaes[],
  bytes: readonly number[],
  { threads, memory }: { readonly threads: number; readonly memory: number },
): number {
  let atOnce = Math.max(1, Math.min(threads + 1, pairs.length))
  // a window over the pairs that is as long as memory allows
  const uses = new Map<number, number>()
  let used = 0
  let first = 0
  const count = ({ a, b }: PairOfSaes, step: 1 | -1) => {
    for (const sae of new Set([a, b])) {
      const now = (uses.get(sae) ?? 0) + step
      uses.set(sae, now)
      if (step === 1 && now === 1) used += bytes[sae]
      if (step === -1 && now === 0) used -= bytes[sae]
    }
  }
  for (const [last, pair] of pairs.entries()) {
    count(pair, 1)
    while (first < last && (used > memory || last - first >= atOnce)) {
      if (used > memory) atOnce = Math.min(atOnce, last - first)
      count(pairs[first++], -1)
    }
  }
  return atOnce
}

/** The first SAEs that fit beside the largest one that passes by; one at least. */
function stayingSaes(pairs: readonly PairOfSaes[], bytes: readonly number[], memory: number): Set<number> {
  const saes = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))].sort((x, y) => x - y)
  const all = saes.reduce((sum, sae) => sum + bytes[sae], 0)
  if (all <= memory) return new Set(saes)
  const room = memory - Math.max(...saes.map((sae) => bytes[sae]))
  const staying = new Set([saes[0]])
  let used = bytes[saes[0]]
  for (const sae of saes.slice(1)) {
    used += bytes[sae]
    if (used > room) break
    staying.add(sae)
  }
  return staying
}
