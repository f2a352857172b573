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
  const other = dtype === 'f32' ? 'f64' : 'f32'
  const several = await problemFiles(family, 5, 1, 8, 3, other)
  expect(await readNpy(several.matrix)).toMatchObject({ dtype: other, shape: [3, rows, 5] })
})

it.skipIf(!isCompiled)('shapes keep the numbers of the problem they come from', async () => {
  const { problemFiles } = await bench('problem-files.mjs')
  const [whole, dropped, zeros, lambda] = await Promise.all(
    ['', '-dropped', '-zeros', '-lambda'].map((shape) => problemFiles(`planted-40${shape}`, 20, 1, 8)),
  )
  const rows = async (path: string) => (await readNpy(path)).data as Float32Array
  expect(dropped).toMatchObject({ rows: 16, columns: 20, unmatchedCost: null })
  expect(await rows(dropped.a)).toEqual((await rows(whole.a)).slice(0, 16 * whole.width))
  const a = await rows(zeros.a)
  const { width } = whole
  expect(a.slice(0, width)).toEqual(new Float32Array(width))
  expect(a.slice(width, 2 * width)).toEqual((await rows(whole.a)).slice(width, 2 * width))
  expect(await rows(lambda.matrix)).toEqual(await rows(whole.matrix))
  expect(lambda.unmatchedCost).toBeGreaterThan(0)
})
