import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openMask } from '../../src/evaluation/token-mask.js'
import { encodeNpy } from '../../src/output/npy.js'
import { expectFailure } from '../helpers/errors.js'
import { npyBytes } from '../helpers/npy-bytes.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const write = (name: string, contents: Uint8Array) => {
  writeFileSync(join(folder, name), contents)
  return join(folder, name)
}

it('reads masks of bool and of integers', async () => {
  expect(await openMask(write('bool.npy', npyBytes('|b1', [3], [1, 0, 1])))).toEqual(Uint8Array.of(1, 0, 1))
  expect(await openMask(write('i4.npy', encodeNpy(Int32Array.of(0, 256, -1))))).toEqual(Uint8Array.of(0, 1, 1))
  expect(await openMask(undefined)).toBeNull()
  expect(await openMask(Uint8Array.of(1, 0))).toEqual(Uint8Array.of(1, 0))
})

it('refuses anything else', async () => {
  await expectFailure(openMask(write('f4.npy', encodeNpy(Float32Array.of(1, 0)))), 'TENSOR_DTYPE', 'f4.npy', 'f32')
  await expectFailure(openMask(write('two.npy', encodeNpy(Int32Array.of(1, 0), [1, 2]))), 'TENSOR_SHAPE', '[1,2]')
  await expectFailure(openMask([1, 0] as never), 'INVALID_ARGUMENT', 'a Uint8Array')
})
