import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { availableCores, cgroupQuota } from '../../src/backend/threads.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const none = Number.POSITIVE_INFINITY

// /proc/self/cgroup, files below the mount point, expected cores. The C++ side is tested with the same cases.
const cases: [string, Record<string, string>, number][] = [
  ['0::/slice/service\n', {}, none],
  ['0::/slice/service\n', { 'slice/service/cpu.max': 'max 100000\n' }, none],
  ['0::/slice/service\n', { 'slice/cpu.max': '150000 100000\n' }, 1.5],
  ['0::/slice/service\n', { 'slice/cpu.max': '150000 100000\n', 'slice/service/cpu.max': '50000 100000\n' }, 0.5],
  ['0::/\n', { 'cpu.max': '400000 100000\n' }, 4],
  [
    '4:cpu,cpuacct:/docker/1\n',
    { 'cpu,cpuacct/cpu.cfs_quota_us': '-1\n', 'cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
    none,
  ],
  [
    '12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:cpuset:/docker/1\n',
    { 'cpu,cpuacct/cpu.cfs_quota_us': '250000\n', 'cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
    2.5,
  ],
  ['nonsense\n\n::\n0:\n', { 'cpu.max': '100000 100000\n' }, none],
]

describe('cgroupQuota', () => {
  it.each(cases)('%j %j', (membership, files, expected) => {
    const root = mkdtempSync(path.join(folder, 'cgroup-'))
    writeFileSync(path.join(root, 'membership'), membership)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, 'mount', name)), { recursive: true })
      writeFileSync(path.join(root, 'mount', name), text)
    }
    expect(cgroupQuota(path.join(root, 'membership'), path.join(root, 'mount'))).toBe(expected)
  })

  it('is unlimited where there are no cgroups', () => {
    expect(cgroupQuota(path.join(folder, 'absent'), folder)).toBe(none)
  })
})

describe('availableCores', () => {
  it('is a whole number of cores', () => {
    expect(Number.isInteger(availableCores())).toBe(true)
    expect(availableCores()).toBeGreaterThanOrEqual(1)
  })
})
