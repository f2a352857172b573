import type { PairsProgress } from './result.js'

/**
 * Counts pairs, and tells from the work of those that were finished how long the others will take. Those under way count
 * as half done: with many at once the first to be finished would otherwise stand for all the time there was.
 */
export interface Estimate {
  /** A pair, by its place in `work`, begins. */
  readonly begun: (place: number) => void
  /** It is finished. */
  readonly finished: (place: number) => void
  /** It will not be finished: it says nothing about time. */
  readonly failed: (place: number) => void
  readonly now: () => Pick<PairsProgress, 'pairsDone' | 'pairsTotal' | 'millisecondsLeft'>
}

/**
 * @param total all pairs, those included that were done before
 * @param work what each pair that is left asks for, in any unit
 */
export function createEstimate(
  total: number,
  work: readonly number[],
  clock: () => number = () => performance.now(),
): Estimate {
  const start = clock()
  let pairsDone = total - work.length
  let left = work.reduce((sum, amount) => sum + amount, 0)
  let done = 0
  let underWay = 0
  const ended = (place: number) => {
    pairsDone++
    left -= work[place]
    underWay -= work[place]
  }
  return {
    begun: (place) => {
      underWay += work[place]
    },
    finished: (place) => {
      ended(place)
      done += work[place]
    },
    failed: ended,
    now: () => {
      const rate = done > 0 ? (clock() - start) / (done + underWay / 2) : null
      return { pairsDone, pairsTotal: total, millisecondsLeft: rate === null ? null : rate * (left - underWay / 2) }
    },
  }
}
