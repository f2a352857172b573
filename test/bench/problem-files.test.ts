import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readNpy } from '../../src/formats/npy.js'

const isCompiled = existsSync(new URL('../../dist/output/npy.js', import.meta.url))
const bench = (file: string) => import(new URL(`../../bench/${file}`, import.meta.url).href)

it.skipIf(!isCompiled).each([
  ['machol-wien', 'f64'],
  ['uniform', 'f32'],
])('the problem %s is kept in its own type, apart from those of other generators', async (family, dtype) => {
  const [{ problemFiles }, { generatorVersion }] = [await bench('problem-files.mjs'), await bench('families.mjs')]
  const { matrix, rows } = await problemFiles(family, 5, 1, 8)
  expect(matrix).toContain(`v${generatorVersion}`)
  expect(await readNpy(matrix)).toMatchObject({ dtype, shape: [rows, 5] })
})
