import { readFileSync } from 'node:fs'
import os from 'node:os'

/**
 * The cores this process may use: the affinity mask, lowered to the cgroup CPU quota (rounded down, at least 1).
 * The addon finds the same number for itself.
 */
export function availableCores(): number {
  const cores = os.availableParallelism()
  const quota = cgroupQuota('/proc/self/cgroup', '/sys/fs/cgroup')
  return quota < cores ? Math.max(1, Math.floor(quota)) : cores
}

/**
 * The CPU quota in cores, from the cgroups that `membership` (a file like /proc/self/cgroup) names below `mount`:
 * the least of a group and its ancestors, version 1 or 2. Infinity where there is none.
 */
export function cgroupQuota(membership: string, mount: string): number {
  let least = Number.POSITIVE_INFINITY
  for (const line of read(membership).split('\n')) {
    // hierarchy:controllers:path
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    // In a container the path may be that of the host, whose groups are not mounted: the missing ones are unlimited.
    const ancestors = path.split('/').map((_, depth, names) => names.slice(0, depth + 1).join('/'))
    if (controllers === '') {
      for (const group of ancestors) least = Math.min(least, quotaOf(read(`${mount}${group}/cpu.max`)))
    } else if (controllers.split(',').includes('cpu')) {
      for (const group of ancestors) {
        const directory = `${mount}/${controllers}${group}`
        least = Math.min(
          least,
          quotaOf(`${read(`${directory}/cpu.cfs_quota_us`)} ${read(`${directory}/cpu.cfs_period_us`)}`),
        )
      }
    }
  }
  return least
}

/** `text` is "<quota> <period>" in microseconds; `max` or -1 is no quota. */
function quotaOf(text: string): number {
  const [quota, period] = text.trim().split(/\s+/).map(Number)
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
