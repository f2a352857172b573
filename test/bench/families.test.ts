import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { generatorVersion, families as own } from '../../src/benchmark/families.js'

const isCompiled = existsSync(new URL('../../dist/benchmark/families.js', import.meta.url))

it.skipIf(!isCompiled)('bench has the families of the package, with the same numbers, and the real ones', async () => {
  const bench = await import(new URL('../../bench/families.mjs', import.meta.url).href)
  expect(bench.generatorVersion).toBe(generatorVersion)
  const shapes = ['planted-40', 'real', 'stacked'].flatMap((name) =>
    ['dropped', 'zeros', 'lambda'].map((s) => `${name}-${s}`),
  )
  expect(Object.keys(bench.families)).toEqual([...Object.keys(own), 'real', 'stacked', ...shapes])
  for (const [name, { dtype, description, make }] of Object.entries(own)) {
    const found = bench.families[name]
    expect(found).toMatchObject({ dtype, description })
    expect(await found.make(9, 3, 4)).toEqual(make(9, 3, 4))
  }
})
