/** Loads things that are needed several times, at known moments, and keeps them as long as memory allows. */
export interface Store<T> {
  /** The thing, loaded now unless it is held; it stays until {@link release}. Uses begin in the order of the plan. */
  readonly take: (key: string) => Promise<T>
  /** Says that one use has ended. */
  readonly release: (key: string) => void
}

interface Held<T> {
  readonly value: Promise<T>
  readonly bytes: number
  users: number
}

/**
 * A store under a budget. What nobody uses goes as soon as it has no later use; while more is held than `memory`, what
 * is used again last goes first. What is in use stays, whatever the budget.
 *
 * @param plan every use in the order in which uses begin; a key stands in it as often as it is taken
 * @param bytesOf what a key will take, known before it is loaded
 */
export function createStore<T>(
  plan: readonly string[],
  load: (key: string) => Promise<T>,
  bytesOf: (key: string) => number,
  memory: number,
): Store<T> {
  const held = new Map<string, Held<T>>()
  const uses = new Map<string, number[]>()
  for (const [moment, key] of plan.entries()) uses.set(key, [...(uses.get(key) ?? []), moment])
  const nextUse = (key: string) => uses.get(key)?.[0] ?? Number.MAX_VALUE

  /** Lets go of what is not needed, then of what is needed last, until there is room for `coming` bytes. */
  function makeRoom(coming: number): void {
    let total = coming + [...held.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    const idle = [...held].filter(([, { users }]) => users === 0).sort(([x], [y]) => nextUse(y) - nextUse(x))
    for (const [key, { bytes }] of idle) {
      if (total <= memory && nextUse(key) < Number.MAX_VALUE) break
      held.delete(key)
      total -= bytes
    }
  }

  return {
    take: (key) => {
      uses.get(key)?.shift()
      let entry = held.get(key)
      if (entry === undefined) {
        const bytes = bytesOf(key)
        makeRoom(bytes)
        entry = { value: load(key), bytes, users: 0 }
        held.set(key, entry)
      }
      entry.users++
      return entry.value
    },
    release: (key) => {
      held.get(key)!.users--
      makeRoom(0)
    },
  }
}
