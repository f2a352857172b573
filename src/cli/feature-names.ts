import type { RunPair } from '../runs/read-run.js'
import type { FeatureNames } from '../tables/match-table.js'
import { readFeatureNames } from '../tables/read-pair.js'

/** What is known of the features of SAEs of a run; every SAE is read once. */
export function namesOnce(folder: string | null, signal: AbortSignal) {
  const read = new Map<string, Promise<FeatureNames>>()
  const without = new Set<string>()
  return {
    async of(pair: RunPair, side: 'a' | 'b'): Promise<FeatureNames> {
      const { name, contents } = pair[side]
      if (!read.has(contents)) read.set(contents, readFeatureNames({ ...pair.record[side], name }, folder, signal))
      const names = await read.get(contents)!
      if (folder !== null && names.labels === null) without.add(name)
      return names
    },
    /** What a user should know. */
    warnings(): string[] {
      if (without.size === 0) return []
      const [first] = without
      return [`${folder} has no descriptions of ${[...without].join(', ')}, such as ${first}.jsonl.`]
    },
  }
}
