import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createStatesWriter } from '../../src/evaluation/write-states.js'
import { readNpy } from '../../src/formats/npy.js'
import { expectFailure } from '../helpers/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()

it('writes batches into one array, and which tokens they are', async () => {
  const writer = await createStatesWriter(join(folder, 'a--b'), 2)
  await writer.write({ tokens: Int32Array.of(1, 4), values: Float32Array.of(1, 2, 3, 4) })
  await writer.write({ tokens: Int32Array.of(5), values: Float32Array.of(5, 6) })
  expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([])
  await writer.commit()
  await writer.discard()
  expect(readdirSync(folder).sort()).toEqual(['a--b.tokens.npy', 'a--b.xhat.npy'])
  const states = await readNpy(join(folder, 'a--b.xhat.npy'))
  expect(states).toMatchObject({ dtype: 'f32', shape: [3, 2] })
  expect([...(states.data as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6])
  const tokens = await readNpy(join(folder, 'a--b.tokens.npy'))
  expect([...(tokens.data as Int32Array)]).toEqual([1, 4, 5])
})

it('leaves nothing of what is discarded, and says where it cannot write', async () => {
  const before = readdirSync(folder)
  const writer = await createStatesWriter(join(folder, 'c--d'), 2)
  await writer.write({ tokens: Int32Array.of(0), values: Float32Array.of(1, 2) })
  await writer.discard()
  expect(readdirSync(folder)).toEqual(before)
  writeFileSync(join(folder, 'file'), '')
  await expectFailure(createStatesWriter(join(folder, 'file', 'x'), 2), 'OUTPUT_FAILED', join(folder, 'file'))
})
